using Microsoft.AspNetCore.Identity;
using OpsConsole.Core.Approvals;
using OpsConsole.Web.Hosting;
using OpsConsole.Web.Identity;

namespace OpsConsole.Web.Api;

/// <summary>Proof of presence on the call itself: header <c>X-Totp</c> with a code, or <c>X-Passkey</c> with a passkey's assertion
/// (base64url of its JSON; its challenge comes from POST /me/passkeys/challenge). Each counts once; wrong ones count towards the lockout.</summary>
public sealed class StepUp(UserManager<ConsoleUser> users, Presence presence, RefusedTries refusals, TimeProvider clock)
{
    public const string Header = "X-Totp";
    public const string PasskeyHeader = "X-Passkey";

    public static bool IsOffered(HttpContext context) => context.Request.Headers.ContainsKey(Header) || context.Request.Headers.ContainsKey(PasskeyHeader);

    /// <returns>Null when the proof holds, else the answer to give.</returns>
    public async Task<IResult?> RefusalAsync(HttpContext context, CancellationToken cancel)
    {
        var (proof, refusal) = await ProveAsync(context, cancel);
        return proof is null ? await RefuseAsync(context, refusal) : null;
    }

    /// <summary>For whoever adds or replaces a factor, or links an identity: proof of a present one, when there is any.</summary>
    public async Task<IResult?> RefusalWhenEnrolledAsync(HttpContext context, CancellationToken cancel) =>
        await presence.IsEnrolledAsync(await UserAsync(context)) ? await RefusalAsync(context, cancel) : null;

    /// <returns>The proof, or what is wrong with what was offered; neither when nothing was.</returns>
    public async Task<(StepUpProof? Proof, CodeVerdict? Refused)> ProveAsync(HttpContext context, CancellationToken cancel)
    {
        if (!IsOffered(context))
            return (null, null);
        var (code, assertion) = (context.Request.Headers[Header].ToString(), context.Request.Headers[PasskeyHeader].ToString());
        var verdict = await presence.ProveAsync(await UserAsync(context), code, assertion, context.Request.Path, context.From(), cancel);
        return verdict == CodeVerdict.Accepted ? (new StepUpProof(code.Length > 0 ? "totp" : "passkey", clock.GetUtcNow()), null) : (null, verdict);
    }

    /// <summary>The answer to a call that needed a proof. On record: a wrong one is already, where it was counted.</summary>
    public async Task<IResult> RefuseAsync(HttpContext context, CodeVerdict? refused)
    {
        if (refused != CodeVerdict.Wrong)
            await refusals.RecordAsync(context, refused == CodeVerdict.Used ? RefusedTries.CodeUsed : RefusedTries.StepUp);
        var isCode = context.Request.Headers.ContainsKey(Header);
        return refused switch
        {
            CodeVerdict.Used => Problems.Result(403, "The code was used before", isCode ? "Wait for the next code of the app, at most 30 s." : "Use the passkey again.", ("codeUsed", true), ("stepUpRequired", true)),
            CodeVerdict.Locked => Problems.Result(403, "The account is locked", "Too many wrong codes; wait or ask an administrator to unlock it.", ("stepUpRequired", true)),
            CodeVerdict.Wrong when isCode => Problems.Result(403, "The code is wrong", "Type the current six digits of your authenticator app.", ("stepUpRequired", true)),
            CodeVerdict.Wrong => Problems.Result(403, "The passkey was not accepted", "Ask for a new challenge and use a passkey of this account.", ("stepUpRequired", true)),
            _ => Problems.Result(403, "A second factor is needed for this", await presence.IsEnrolledAsync(await UserAsync(context))
                ? $"Send the current code of your authenticator app in the header {Header}, or a passkey's assertion in {PasskeyHeader}."
                : "Enrol an authenticator app or a passkey on your account page first.", ("stepUpRequired", true)),
        };
    }

    private async Task<ConsoleUser> UserAsync(HttpContext context) =>
        await users.FindByIdAsync(context.User.UserId().ToString()) ?? throw new KeyNotFoundException("The user is gone.");
}

public static class StepUpExtensions
{
    /// <summary>The endpoint runs only with a fresh code (403 with <c>stepUpRequired</c> or <c>codeUsed</c> otherwise).</summary>
    public static TBuilder RequireStepUp<TBuilder>(this TBuilder endpoint) where TBuilder : IEndpointConventionBuilder =>
        endpoint.AddEndpointFilter(async (context, next) =>
            await context.HttpContext.RequestServices.GetRequiredService<StepUp>().RefusalAsync(context.HttpContext, context.HttpContext.RequestAborted) ?? await next(context));
}
