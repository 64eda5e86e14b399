using Microsoft.AspNetCore.Identity;
using OpsConsole.Core.Audit;
using OpsConsole.Web.Hosting;
using OpsConsole.Web.Identity;

namespace OpsConsole.Web.Api;

/// <summary>Proof of presence on the call itself: header <c>X-Totp</c>. Each code counts once. Wrong codes count towards the lockout.</summary>
public sealed class StepUp(UserManager<ConsoleUser> users, SecondFactor secondFactor, IAuditLog audit)
{
    public const string Header = "X-Totp";

    /// <returns>Null when the proof holds, else the answer to give.</returns>
    public async Task<IResult?> RefusalAsync(HttpContext context, CancellationToken cancel)
    {
        var user = await users.FindByIdAsync(context.User.UserId().ToString()) ?? throw new KeyNotFoundException("The user is gone.");
        var code = context.Request.Headers[Header].ToString();
        if (code.Length == 0)
            return Problems.Result(403, "A second factor is needed for this", user.TwoFactorEnabled
                ? $"Send the current code of your authenticator app in the header {Header}."
                : "Enrol an authenticator app on your account page first.", ("stepUpRequired", true));
        if (await users.IsLockedOutAsync(user))
            return Problems.Result(403, "The account is locked", "Too many wrong codes; wait or ask an administrator to unlock it.", ("stepUpRequired", true));
        switch (await secondFactor.VerifyAsync(user, code, cancel))
        {
            case CodeVerdict.Accepted:
                return null;
            case CodeVerdict.Used:
                return Problems.Result(403, "The code was used before", "Wait for the next code of the app, at most 30 s.", ("codeUsed", true));
            case CodeVerdict.NotEnrolled:
                return Problems.Result(403, "A second factor is needed for this", "Enrol an authenticator app on your account page first.", ("stepUpRequired", true));
            default:
                await users.AccessFailedAsync(user);
                await audit.AppendAsync(new AuditDraft(user.Email!, "account.stepUpRefused", context.Request.Path, From: context.From()), cancel);
                return Problems.Result(403, "The code is wrong", "Type the current six digits of your authenticator app.", ("stepUpRequired", true));
        }
    }
}

public static class StepUpExtensions
{
    /// <summary>The endpoint runs only with a fresh code (403 with <c>stepUpRequired</c> or <c>codeUsed</c> otherwise).</summary>
    public static TBuilder RequireStepUp<TBuilder>(this TBuilder endpoint) where TBuilder : IEndpointConventionBuilder =>
        endpoint.AddEndpointFilter(async (context, next) =>
            await context.HttpContext.RequestServices.GetRequiredService<StepUp>().RefusalAsync(context.HttpContext, context.HttpContext.RequestAborted) ?? await next(context));
}
