using System.Security.Claims;
using System.Security.Cryptography;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.Identity;
using Microsoft.Extensions.Options;
using OpsConsole.Core.Audit;

namespace OpsConsole.Web.Identity;

/// <param name="Problem">word for the sign-in page; null: signed in or linked</param>
public sealed record SingleSignOnOutcome(string? Problem);

/// <summary>What the provider says, turned into an account. Accounts without a password belong to the provider: their roles follow its claim
/// at each sign-in. Others keep theirs; the provider only vouches for who it is. Nobody takes over an account by its mail address.</summary>
public sealed class SingleSignOn(
    IdentityDb db, UserManager<ConsoleUser> users, SignIn signIn, IOptions<OidcOptions> options, IDataProtectionProvider protection, IAuditLog audit, TimeProvider clock)
{
    private readonly ITimeLimitedDataProtector tickets = protection.CreateProtector("OpsConsole.Link").ToTimeLimitedDataProtector();

    /// <summary>Proof that this user asked for the link: nobody is led into linking somebody else's identity.</summary>
    public string LinkTicket(Guid user) => tickets.Protect(user.ToString(), TimeSpan.FromMinutes(5));

    public async Task<SingleSignOnOutcome> SignInAsync(ClaimsPrincipal claims, string? from, CancellationToken cancel)
    {
        if (Identity(claims) is not { } identity)
            return new SingleSignOnOutcome("provider");
        var roles = Roles(claims);
        var user = await users.FindByLoginAsync(identity.LoginProvider, identity.ProviderKey);
        var problem = user is null ? await CreateAsync(claims, identity, roles, from, cancel) : await FollowAsync(user, roles, from, cancel);
        if (problem is not null)
        {
            await signIn.RefusedAsync(Mail(claims) ?? "unknown", $"single sign-on: {problem}", from, cancel);
            return new SingleSignOnOutcome(problem);
        }
        user ??= await users.FindByLoginAsync(identity.LoginProvider, identity.ProviderKey);
        var outcome = await signIn.AsAsync(user!, "oidc", ["oidc"], from, cancel);
        return new SingleSignOnOutcome(outcome.Verdict == SignInVerdict.SignedIn ? null : "refused");
    }

    /// <summary>Adds the provider's identity to the account that is signed in.</summary>
    public async Task<SingleSignOnOutcome> LinkAsync(ClaimsPrincipal claims, string ticket, ClaimsPrincipal caller, string? from, CancellationToken cancel)
    {
        if (Identity(claims) is not { } identity || Open(ticket) is not { } asked || caller.Identity?.IsAuthenticated != true || caller.UserId() != asked)
            return new SingleSignOnOutcome("link");
        var user = await users.FindByIdAsync(asked.ToString());
        if (user is null || user.Disabled)
            return new SingleSignOnOutcome("link");
        if (!(await users.AddLoginAsync(user, identity)).Succeeded)
            return new SingleSignOnOutcome("linkedElsewhere");
        await audit.AppendAsync(new AuditDraft(user.Email!, "account.link", $"user:{user.Id}", From: from, After: new { issuer = identity.LoginProvider }), cancel);
        return new SingleSignOnOutcome(null);
    }

    private async Task<string?> CreateAsync(ClaimsPrincipal claims, UserLoginInfo identity, IReadOnlyList<string> roles, string? from, CancellationToken cancel)
    {
        var email = Mail(claims);
        if (!options.Value.CreateUsers || email is null)
            return "unknown";
        if (roles.Count == 0)
            return "noRole";
        if (await users.FindByEmailAsync(email) is not null)
            return "linkFirst";
        var now = clock.GetUtcNow();
        var user = new ConsoleUser { Id = Guid.CreateVersion7(now), UserName = email, Email = email, DisplayName = claims.FindFirstValue("name") ?? email.Split('@')[0], CreatedAt = now };
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        Ensure(await users.CreateAsync(user));
        Ensure(await users.AddLoginAsync(user, identity));
        Ensure(await users.AddToRolesAsync(user, roles));
        await audit.AppendAsync(new AuditDraft("system", "user.create", $"user:{user.Id}", "first single sign-on", from, After: new { roles, issuer = identity.LoginProvider }), cancel);
        await transaction.CommitAsync(cancel);
        return null;
    }

    private async Task<string?> FollowAsync(ConsoleUser user, IReadOnlyList<string> roles, string? from, CancellationToken cancel)
    {
        if (await users.HasPasswordAsync(user))
            return null;
        var before = await users.GetRolesAsync(user);
        if (before.Order().SequenceEqual(roles.Order()))
            return roles.Count == 0 ? "noRole" : null;
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        Ensure(await users.RemoveFromRolesAsync(user, before.Except(roles)));
        Ensure(await users.AddToRolesAsync(user, roles.Except(before)));
        // Sessions with the earlier roles end.
        Ensure(await users.UpdateSecurityStampAsync(user));
        await audit.AppendAsync(new AuditDraft("system", "user.roles", $"user:{user.Id}", "single sign-on", from, new { roles = before.Order() }, new { roles }), cancel);
        await transaction.CommitAsync(cancel);
        return roles.Count == 0 ? "noRole" : null;
    }

    private List<string> Roles(ClaimsPrincipal claims) =>
        [.. claims.FindAll(options.Value.RoleClaim).Select(c => options.Value.Roles.GetValueOrDefault(c.Value)).OfType<string>().Distinct().Order(StringComparer.Ordinal)];

    /// <summary>The mail address is kept with the identity, so that two accounts of one person are recognised.</summary>
    private static UserLoginInfo? Identity(ClaimsPrincipal claims) =>
        claims.FindFirstValue("iss") is { } issuer && claims.FindFirstValue("sub") is { } subject ? new UserLoginInfo(issuer, subject, Mail(claims)) : null;

    private static string? Mail(ClaimsPrincipal claims) =>
        claims.FindFirstValue("email") is { } email && EmailAddress.IsValid(email) && claims.FindFirstValue("email_verified") is not "false" ? email : null;

    private Guid? Open(string ticket)
    {
        try
        {
            return Guid.Parse(tickets.Unprotect(ticket));
        }
        catch (CryptographicException)
        {
            return null; // forged or older than five minutes
        }
    }

    private static void Ensure(IdentityResult result)
    {
        if (!result.Succeeded)
            throw new RuleException("", string.Join(" ", result.Errors.Select(e => e.Description)));
    }
}
