using Microsoft.EntityFrameworkCore;

namespace OpsConsole.Web.Identity;

public enum PasskeyPurpose { Register, Prove, SignIn }

/// <summary>Challenges kept on the server until they are answered: each is answered once, on whichever node, within five minutes,
/// for the purpose and the user that it was made for.</summary>
public sealed class PasskeyChallenges(IdentityDb db, TimeProvider clock)
{
    private static readonly TimeSpan Life = TimeSpan.FromMinutes(5);

    public async Task<Guid> KeepAsync(PasskeyPurpose purpose, Guid? user, string state, CancellationToken cancel)
    {
        var (now, word) = (clock.GetUtcNow(), purpose.ToString());
        var id = Guid.NewGuid();
        await db.Database.ExecuteSqlAsync($"DELETE FROM identity.passkey_challenge WHERE expires_at <= {now}", cancel);
        await db.Database.ExecuteSqlAsync($"INSERT INTO identity.passkey_challenge (id, user_id, purpose, state, expires_at) VALUES ({id}, {user}, {word}, {state}, {now + Life})", cancel);
        return id;
    }

    /// <returns>null: unknown, answered before, too old, or made for something else.</returns>
    public async Task<string?> TakeAsync(Guid id, PasskeyPurpose purpose, Guid? user, CancellationToken cancel)
    {
        var (now, word) = (clock.GetUtcNow(), purpose.ToString());
        var taken = await db.Database.SqlQuery<string>($"""
            DELETE FROM identity.passkey_challenge
            WHERE id = {id} AND purpose = {word} AND user_id IS NOT DISTINCT FROM {user} AND expires_at > {now} RETURNING state AS "Value"
            """).ToListAsync(cancel);
        return taken.SingleOrDefault();
    }
}
