using Microsoft.AspNetCore.Identity;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Audit;
using OpsConsole.Web.Hosting;
using OpsConsole.Web.Identity;

namespace OpsConsole.Web.Api;

/// <summary>Proof of presence on the call itself: header <c>X-Totp</c> with a code, or <c>X-Passkey</c> with a passkey's assertion
/// (base64url of its JSON; its challenge comes from POST /me/passkeys/challenge). Each counts once; wrong ones count towards the lockout.</summary>
public sealed class StepUp(UserManager<ConsoleUser> users, SecondFactor secondFactor, Passkeys passkeys, IAuditLog audit, TimeProvider clock)
{
    public const string Header = "X-Totp";
    public const string PasskeyHeader = "X-Passkey";

    public static bool IsOffered(HttpContext context) => context.Request.Headers.ContainsKey(Header) || context.Request.Headers.ContainsKey(PasskeyHeader);

    /// <returns>Null when the proof holds, else the answer to give.</returns>
    public async Task<IResult?> RefusalAsync(HttpContext context, CancellationToken cancel) => (await ProveAsync(context, cancel)).Refusal;

    /// <returns>The proof, or the answer to give.</returns>
    public async Task<(StepUpProof? Proof, IResult? Refusal)> ProveAsync(HttpContext context, CancellationToken cancel)
    {
        var user = await users.FindByIdAsync(context.User.UserId().ToString()) ?? throw new KeyNotFoundException("The user is gone.");
        var (code, assertion) = (context.Request.Headers[Header].ToString(), context.Request.Headers[PasskeyHeader].ToString());
        if (code.Length == 0 && assertion.Length == 0)
            return (null, Problems.Result(403, "A second factor is needed for this", user.TwoFactorEnabled
                ? $"Send the current code of your authenticator app in the header {Header}, or a passkey's assertion in {PasskeyHeader}."
                : "Enrol an authenticator app or a passkey on your account page first.", ("stepUpRequired", true)));
        if (await users.IsLockedOutAsync(user))
            return (null, Problems.Result(403, "The account is locked", "Too many wrong codes; wait or ask an administrator to unlock it.", ("stepUpRequired", true)));
        var verdict = code.Length > 0 ? await secondFactor.VerifyAsync(user, code, cancel) : await passkeys.VerifyAsync(user, assertion, cancel);
        if (verdict == CodeVerdict.Accepted)
            return (new StepUpProof(code.Length > 0 ? "totp" : "passkey", clock.GetUtcNow()), null);
        return (null, await RefuseAsync(context, user, verdict, code.Length > 0, cancel));
    }

    private async Task<IResult> RefuseAsync(HttpContext context, ConsoleUser user, CodeVerdict verdict, bool isCode, CancellationToken cancel)
    {
        if (verdict == CodeVerdict.NotEnrolled)
            return Problems.Result(403, "A second factor is needed for this", "Enrol an authenticator app on your account page first.", ("stepUpRequired", true));
        if (verdict == CodeVerdict.Used)
            return Problems.Result(403, "The code was used before", isCode ? "Wait for the next code of the app, at most 30 s." : "Use the passkey again.", ("codeUsed", true), ("stepUpRequired", true));
        await users.AccessFailedAsync(user);
        await audit.AppendAsync(new AuditDraft(user.Email!, "account.stepUpRefused", context.Request.Path, From: context.From()), cancel);
        return isCode
            ? Problems.Result(403, "The code is wrong", "Type the current six digits of your authenticator app.", ("stepUpRequired", true))
            : Problems.Result(403, "The passkey was not accepted", "Ask for a new challenge and use a passkey of this account.", ("stepUpRequired", true));
    }
}

public static class StepUpExtensions
{
    /// <summary>The endpoint runs only with a fresh code (403 with <c>stepUpRequired</c> or <c>codeUsed</c> otherwise).</summary>
    public static TBuilder RequireStepUp<TBuilder>(this TBuilder endpoint) where TBuilder : IEndpointConventionBuilder =>
        endpoint.AddEndpointFilter(async (context, next) =>
            await context.HttpContext.RequestServices.GetRequiredService<StepUp>().RefusalAsync(context.HttpContext, context.HttpContext.RequestAborted) ?? await next(context));
}
