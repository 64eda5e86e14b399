using System.Collections.Immutable;
using System.Security.Claims;
using Microsoft.EntityFrameworkCore;
using OpsConsole.Core.Approvals;

namespace OpsConsole.Web.Identity;

/// <summary>Makes the <see cref="Person"/> that the engine knows from a caller. Read from the database each time, never from the cookie:
/// a session that was ended, a user who was disabled and a role that was taken away count at once.</summary>
public sealed class People(IDbContextFactory<IdentityDb> factory, SessionCheck session, TimeProvider clock)
{
    /// <returns>null: the session, the token or the user is no longer valid.</returns>
    public async Task<Person?> FindAsync(ClaimsPrincipal caller, string? from, StepUpProof? proof, CancellationToken cancel)
    {
        if (!await session.IsValidAsync(caller, cancel))
            return null;
        var id = caller.UserId();
        await using var db = await factory.CreateDbContextAsync(cancel);
        var user = await db.Users.Where(u => u.Id == id && !u.Disabled).Select(u => new { u.Email }).FirstOrDefaultAsync(cancel);
        if (user is null)
            return null;
        var roles = await db.UserRoles.Where(r => r.UserId == id).Join(db.Roles, r => r.RoleId, r => r.Id, (_, r) => r.Name!).ToListAsync(cancel);
        return new Person(id.ToString(), user.Email!, [.. roles], await IdentitiesAsync(db, id, user.Email!, cancel), proof, from);
    }

    /// <summary>Everything by which a human being can be recognised over several accounts: the mail addresses that this account and its
    /// linked sign-ins, present and past, are known under, those sign-ins, and for a day whoever made or reset the account.</summary>
    private async Task<ImmutableArray<string>> IdentitiesAsync(IdentityDb db, Guid user, string email, CancellationToken cancel) =>
        [$"mail:{email.ToLowerInvariant()}", KnownIdentities.MadeBy(user), .. await db.IdentitiesAsync(user, clock.GetUtcNow(), cancel)];
}
