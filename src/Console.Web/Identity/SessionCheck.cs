using System.Runtime.CompilerServices;
using System.Security.Claims;
using Microsoft.AspNetCore.Components.Authorization;
using Microsoft.AspNetCore.Components.Server;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Options;

namespace OpsConsole.Web.Identity;

/// <summary>Whether a caller may still be who the connection says: for circuits and hub connections, which outlive the request that opened them.</summary>
public sealed class SessionCheck(IDbContextFactory<IdentityDb> factory, IOptions<Microsoft.AspNetCore.Identity.IdentityOptions> identity, IOptions<AccessOptions> access, TimeProvider clock)
{
    /// <summary>Passes a stream on for as long as the caller is valid, looked at again each <see cref="AccessOptions.RevalidateSeconds"/>.</summary>
    public async IAsyncEnumerable<T> WhileValidAsync<T>(IAsyncEnumerable<T> stream, ClaimsPrincipal caller, [EnumeratorCancellation] CancellationToken cancel)
    {
        var checkedAt = clock.GetTimestamp();
        await foreach (var item in stream.WithCancellation(cancel))
        {
            if (clock.GetElapsedTime(checkedAt).TotalSeconds >= access.Value.RevalidateSeconds)
            {
                if (!await IsValidAsync(caller, cancel))
                    yield break;
                checkedAt = clock.GetTimestamp();
            }
            yield return item;
        }
    }

    public async Task<bool> IsValidAsync(ClaimsPrincipal caller, CancellationToken cancel)
    {
        if (caller.Identity?.IsAuthenticated != true)
            return false;
        await using var db = await factory.CreateDbContextAsync(cancel);
        var now = clock.GetUtcNow();
        if (Guid.TryParse(caller.FindFirstValue(Caller.TokenId), out var token))
            return await db.ApiTokens.AnyAsync(t => t.Id == token && t.RevokedAt == null && t.ExpiresAt > now && !t.User!.Disabled, cancel);
        var (id, stamp) = (caller.UserId(), caller.FindFirstValue(identity.Value.ClaimsIdentity.SecurityStampClaimType));
        return await db.Users.AnyAsync(u => u.Id == id && !u.Disabled && u.SecurityStamp == stamp, cancel);
    }
}

/// <summary>A circuit holds its user against the database each minute; afterwards its pages are those of nobody.</summary>
public sealed class CircuitRevalidation(ILoggerFactory logger, SessionCheck check, IOptions<AccessOptions> options) : RevalidatingServerAuthenticationStateProvider(logger)
{
    protected override TimeSpan RevalidationInterval => TimeSpan.FromSeconds(options.Value.RevalidateSeconds);

    protected override Task<bool> ValidateAuthenticationStateAsync(AuthenticationState authenticationState, CancellationToken cancellationToken) =>
        check.IsValidAsync(authenticationState.User, cancellationToken);
}
