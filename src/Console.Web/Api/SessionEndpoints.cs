using Microsoft.AspNetCore.Antiforgery;
using OpsConsole.Core.Approvals;
using OpsConsole.Web.Hosting;
using OpsConsole.Web.Identity;

namespace OpsConsole.Web.Api;

public sealed record SignInRequest(string? Email, string? Password, string? Totp);

public sealed record SessionView(string Email, IReadOnlyList<string> Roles, bool MustChangePassword, bool TotpEnabled);

public static class SessionEndpoints
{
    public static void MapSession(this RouteGroupBuilder api)
    {
        var session = api.MapGroup("/session").WithTags("Session");
        session.MapPost("", SignInAsync).AllowAnonymous().RequireRateLimiting(RateLimits.SignIn)
            .WithSummary("Sign in with password and code; sets the session cookie").Produces<SessionView>();
        session.MapDelete("", async (HttpContext context, SignIn signIn, CancellationToken cancel) =>
        {
            await signIn.OutAsync(context.User, context.From(), cancel);
            return TypedResults.NoContent();
        }).RequireAuthorization(Policies.OwnAccount).WithSummary("Sign out");
    }

    /// <summary>The form of the pages: protected by an antiforgery token instead of a header.</summary>
    public static void MapSignOut(this WebApplication app) => app.MapPost("/signout", async (HttpContext context, IAntiforgery antiforgery, SignIn signIn) =>
    {
        await antiforgery.ValidateRequestAsync(context);
        await signIn.OutAsync(context.User, context.From(), context.RequestAborted);
        return Results.LocalRedirect("/signin");
    }).RequireAuthorization(Policies.OwnAccount).ExcludeFromDescription();

    private static async Task<IResult> SignInAsync(SignInRequest request, HttpContext context, SignIn signIn, UserDirectory directory, CancellationToken cancel)
    {
        if (string.IsNullOrWhiteSpace(request.Email) || string.IsNullOrEmpty(request.Password) || request.Email.Length > 254 || request.Password.Length > 1000)
            return Problems.Result(400, "E-mail and password are needed", "Send {\"email\": ..., \"password\": ...} and, when a second factor is enrolled, \"totp\".");
        var outcome = await signIn.WithPasswordAsync(request.Email.Trim(), request.Password, request.Totp, context.From(), cancel);
        if (outcome.Verdict == SignInVerdict.CodeNeeded)
            return Problems.Result(401, "A code is needed", "Send the six digits of the authenticator app as \"totp\".", ("totpRequired", true));
        if (outcome.User is not { } user)
            return Problems.Result(401, "Not signed in", "E-mail, password or code is wrong or was used before, or the account is locked for some minutes after too many tries. An administrator can reset it.");
        var view = (await directory.FindAsync(user.Id))!;
        return TypedResults.Ok(new SessionView(view.Email, view.Roles, view.MustChangePassword, view.TotpEnabled));
    }
}
