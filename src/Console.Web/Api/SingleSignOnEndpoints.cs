using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Audit;
using OpsConsole.Web.Hosting;
using OpsConsole.Web.Identity;

namespace OpsConsole.Web.Api;

/// <param name="Url">where the browser goes next</param>
public sealed record LinkStart(string Url);

public sealed record LinkedIdentity(string Issuer, string Subject, string? Email);

public static class SingleSignOnEndpoints
{
    private const string Ticket = "link";
    private const string Return = "return";

    /// <summary>The steps that a browser takes; nothing is mapped while single sign-on is off.</summary>
    public static void MapSingleSignOn(this WebApplication app)
    {
        if (!app.Services.GetRequiredService<IOptions<OidcOptions>>().Value.Enabled)
            return;
        app.MapGet("/signin/oidc", (string? returnUrl, string? link) =>
        {
            var properties = new AuthenticationProperties { RedirectUri = "/signin/oidc/done" };
            properties.Items[Return] = LocalUrl.OrHome(returnUrl);
            if (link is not null)
                properties.Items[Ticket] = link;
            return Results.Challenge(properties, [OidcRegistration.Scheme]);
        }).AllowAnonymous().ExcludeFromDescription();
        app.MapGet("/signin/oidc/done", DoneAsync).AllowAnonymous().ExcludeFromDescription();
    }

    public static void MapLinks(this RouteGroupBuilder api)
    {
        var links = api.MapGroup("/me/links").WithTags("Account").RequireAuthorization(Policies.ManageAccount);
        links.MapGet("", async (HttpContext context, UserManager<ConsoleUser> users) =>
            new Page<LinkedIdentity>([.. (await users.GetLoginsAsync(await UserAsync(context, users))).Select(l => new LinkedIdentity(l.LoginProvider, l.ProviderKey, l.ProviderDisplayName))])).WithSummary("Identities of the single sign-on that are linked to my account");
        links.MapPost("", BeginAsync).WithSummary("Begin to link one; needs the second factor when there is one").Produces<LinkStart>();
        links.MapDelete("", async (string issuer, string subject, HttpContext context, UserManager<ConsoleUser> users, IAuditLog audit, CancellationToken cancel) =>
        {
            var user = await UserAsync(context, users);
            if (!await users.HasPasswordAsync(user))
                throw new RuleException("subject", "This account signs in with nothing else; ask an administrator for a password first.");
            if ((await users.GetLoginsAsync(user)).All(l => l.LoginProvider != issuer || l.ProviderKey != subject))
                return Problems.Result(404, "Not found", "This identity is not linked to your account.");
            await audit.AppendAsync(new AuditDraft(user.Email!, "account.unlink", $"user:{user.Id}", From: context.From(), Before: new { issuer }), cancel);
            await users.RemoveLoginAsync(user, issuer, subject);
            return Results.NoContent();
        }).RequireStepUp().WithSummary("Unlink one");
    }

    private static async Task<IResult> BeginAsync(HttpContext context, UserManager<ConsoleUser> users, StepUp stepUp, SingleSignOn signOn, IOptions<OidcOptions> options, CancellationToken cancel)
    {
        if (!options.Value.Enabled)
            return Problems.Result(404, "Not found", "Single sign-on is off; see Access:Oidc.");
        var user = await UserAsync(context, users);
        if (await stepUp.RefusalWhenEnrolledAsync(context, cancel) is { } refusal)
            return refusal;
        return TypedResults.Ok(new LinkStart($"/signin/oidc?returnUrl=/account&link={Uri.EscapeDataString(signOn.LinkTicket(user.Id))}"));
    }

    private static async Task<IResult> DoneAsync(HttpContext context, SingleSignOn signOn)
    {
        var external = await context.AuthenticateAsync(IdentityConstants.ExternalScheme);
        await context.SignOutAsync(IdentityConstants.ExternalScheme);
        if (!external.Succeeded)
            return Results.LocalRedirect("/signin?problem=provider");
        var (cancel, ticket) = (context.RequestAborted, Item(external.Properties, Ticket));
        var outcome = ticket is null
            ? await signOn.SignInAsync(external.Principal, context.From(), cancel)
            : await signOn.LinkAsync(external.Principal, ticket, context.User, context.From(), cancel);
        var onward = LocalUrl.OrHome(Item(external.Properties, Return));
        return Results.LocalRedirect(outcome.Problem is null ? onward : ticket is null ? $"/signin?problem={outcome.Problem}" : $"/account?problem={outcome.Problem}");
    }

    private static string? Item(AuthenticationProperties properties, string name) => properties.Items.TryGetValue(name, out var value) ? value : null;

    private static async Task<ConsoleUser> UserAsync(HttpContext context, UserManager<ConsoleUser> users) =>
        await users.FindByIdAsync(context.User.UserId().ToString()) ?? throw new KeyNotFoundException("The user is gone.");
}
