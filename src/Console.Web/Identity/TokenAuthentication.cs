using System.Security.Claims;
using System.Text.Encodings.Web;
using Microsoft.AspNetCore.Authentication;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace OpsConsole.Web.Identity;

/// <summary><c>Authorization: Bearer opsc_…</c>, and <c>?access_token=</c> on the hubs, whose browser clients cannot send headers.
/// Looked up at every request: a revoked token is refused at once.</summary>
public sealed class TokenAuthentication(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder, IdentityDb db, TimeProvider clock)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
{
    public const string SchemeName = "token";
    private static readonly TimeSpan UseResolution = TimeSpan.FromMinutes(1);

    public static bool Applies(HttpRequest request) => Read(request) is not null;

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (Read(Request) is not { } token)
            return AuthenticateResult.NoResult();
        if (!token.StartsWith(Secrets.TokenPrefix, StringComparison.Ordinal))
            return AuthenticateResult.Fail("Not a token of this console.");

        var hash = Secrets.Hash(token);
        var found = await db.ApiTokens.AsNoTracking().Where(t => t.Hash == hash).Select(t => new
        {
            t.Id, t.UserId, t.Scopes, t.ExpiresAt, t.RevokedAt, t.LastUsedAt,
            t.User!.Email, t.User.DisplayName, t.User.Disabled, t.User.MustChangePassword, t.User.TwoFactorEnabled,
            Roles = db.UserRoles.Where(r => r.UserId == t.UserId).Join(db.Roles, r => r.RoleId, r => r.Id, (_, r) => r.Name!).ToList(),
        }).FirstOrDefaultAsync(Context.RequestAborted);

        var now = clock.GetUtcNow();
        if (found is null || found.RevokedAt is not null || found.Disabled)
            return AuthenticateResult.Fail("Unknown or revoked token.");
        if (found.ExpiresAt <= now)
            return AuthenticateResult.Fail("The token has expired.");
        if (found.LastUsedAt is null || now - found.LastUsedAt > UseResolution)
            await db.ApiTokens.Where(t => t.Id == found.Id).ExecuteUpdateAsync(t => t.SetProperty(x => x.LastUsedAt, now), Context.RequestAborted);

        var claims = new List<Claim>
        {
            new(ClaimTypes.NameIdentifier, found.UserId.ToString()), new(ClaimTypes.Name, found.Email!), new(ClaimTypes.Email, found.Email!),
            new(Caller.DisplayName, found.DisplayName), new(Caller.TokenId, found.Id.ToString()),
        };
        claims.AddRange(found.Roles.Select(role => new Claim(ClaimTypes.Role, role)));
        claims.AddRange(found.Scopes.Select(scope => new Claim(Caller.Scope, scope)));
        if (found.MustChangePassword)
            claims.Add(new Claim(Caller.MustChangePassword, "true"));
        if (found.TwoFactorEnabled)
            claims.Add(new Claim(Caller.Enrolled, "true"));
        return AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(new ClaimsIdentity(claims, Scheme.Name)), Scheme.Name));
    }

    private static string? Read(HttpRequest request)
    {
        var header = request.Headers.Authorization.ToString();
        if (header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase))
            return header["Bearer ".Length..].Trim();
        return request.Path.StartsWithSegments("/hubs") && request.Query["access_token"].ToString() is { Length: > 0 } query ? query : null;
    }
}
