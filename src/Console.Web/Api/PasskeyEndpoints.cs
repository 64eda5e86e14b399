using Microsoft.AspNetCore.Identity;
using OpsConsole.Core.Approvals;
using OpsConsole.Web.Hosting;
using OpsConsole.Web.Identity;

namespace OpsConsole.Web.Api;

public static class PasskeyEndpoints
{
    public static void MapPasskeys(this RouteGroupBuilder api)
    {
        var mine = api.MapGroup("/me/passkeys").WithTags("Account").RequireAuthorization(Policies.ManageAccount);
        mine.MapGet("", async (HttpContext context, UserManager<ConsoleUser> users, Passkeys passkeys) =>
            new Page<PasskeyView>(await passkeys.ListAsync(await UserAsync(context, users)))).WithSummary("My passkeys");
        mine.MapPost("/options", BeginAsync).WithSummary("Begin to register a passkey; needs the present second factor when there is one").Produces<PasskeyChallenge>();
        mine.MapPost("", async (PasskeyAnswer answer, HttpContext context, UserManager<ConsoleUser> users, Passkeys passkeys, CancellationToken cancel) =>
        {
            var view = await passkeys.RegisterAsync(await UserAsync(context, users), answer, context.From(), cancel);
            return TypedResults.Created($"/api/v1/me/passkeys/{view.Id}", view);
        }).WithSummary("Finish with what the authenticator gave");
        mine.MapDelete("/{id}", async (string id, HttpContext context, UserManager<ConsoleUser> users, Passkeys passkeys, CancellationToken cancel) =>
            await passkeys.RemoveAsync(await UserAsync(context, users), id, context.From(), cancel)
                ? Results.NoContent() : Problems.Result(404, "Not found", "None of your passkeys has this id.")).RequireStepUp().WithSummary("Remove one of my passkeys");
        mine.MapPost("/challenge", async (HttpContext context, UserManager<ConsoleUser> users, Passkeys passkeys, CancellationToken cancel) =>
            await passkeys.ChallengeAsync(await UserAsync(context, users), cancel)).WithSummary($"A challenge whose answer goes into the header {StepUp.PasskeyHeader}");

        var session = api.MapGroup("/session/passkey").WithTags("Session").AllowAnonymous().RequireRateLimiting(RateLimits.SignIn);
        session.MapPost("/options", (Passkeys passkeys, CancellationToken cancel) => passkeys.ChallengeAsync(null, cancel)).WithSummary("Begin to sign in with a passkey");
        session.MapPost("", SignInAsync).WithSummary("Sign in with a passkey; sets the session cookie").Produces<SessionView>();
    }

    private static async Task<IResult> BeginAsync(HttpContext context, UserManager<ConsoleUser> users, Passkeys passkeys, StepUp stepUp, CancellationToken cancel)
    {
        var user = await UserAsync(context, users);
        if (await stepUp.RefusalWhenEnrolledAsync(context, cancel) is { } refusal)
            return refusal;
        return TypedResults.Ok(await passkeys.BeginRegistrationAsync(user, cancel));
    }

    private static async Task<IResult> SignInAsync(PasskeyAnswer answer, HttpContext context, Passkeys passkeys, SignIn signIn, UserDirectory directory, CancellationToken cancel)
    {
        var outcome = await passkeys.WhoAsync(answer, cancel) is { } who
            ? await signIn.AsAsync(who, "passkey", ["pop", "user"], context.From(), cancel)
            : await signIn.RefusedAsync("unknown", "passkey not accepted", context.From(), cancel);
        if (outcome.User is not { } user)
            return Problems.Result(401, "Not signed in", "The passkey was not accepted, the challenge was older than five minutes, or the account is locked or disabled.");
        var view = (await directory.FindAsync(user.Id))!;
        return TypedResults.Ok(new SessionView(view.Email, view.Roles, view.MustChangePassword, view.TotpEnabled));
    }

    private static async Task<ConsoleUser> UserAsync(HttpContext context, UserManager<ConsoleUser> users) =>
        await users.FindByIdAsync(context.User.UserId().ToString()) ?? throw new KeyNotFoundException("The user is gone.");
}
