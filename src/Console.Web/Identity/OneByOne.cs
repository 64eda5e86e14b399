using Microsoft.AspNetCore.Identity;
using Microsoft.EntityFrameworkCore;

namespace OpsConsole.Web.Identity;

/// <summary>Tries for one user run one after another (row lock), so that parallel guesses cannot slip past the lockout.</summary>
internal static class OneByOne
{
    public static async Task<T> OneByOneAsync<T>(this IdentityDb db, string normalizedEmail, Func<Task<T>> attempt, CancellationToken cancel)
    {
        await using var transaction = await db.Database.BeginTransactionAsync(cancel);
        await db.Database.ExecuteSqlAsync($"""SELECT 1 FROM identity."user" WHERE "NormalizedEmail" = {normalizedEmail} FOR UPDATE""", cancel);
        var outcome = await attempt();
        await transaction.CommitAsync(cancel);
        return outcome;
    }

    /// <returns>Whether the account is locked now.</returns>
    /// <exception cref="InvalidOperationException">A wrong try that is not counted is no try: nothing is answered.</exception>
    public static async Task<bool> CountFailureAsync(this UserManager<ConsoleUser> users, ConsoleUser user)
    {
        var counted = await users.AccessFailedAsync(user);
        return counted.Succeeded ? await users.IsLockedOutAsync(user) : throw new InvalidOperationException($"A wrong try was not counted: {string.Join(" ", counted.Errors.Select(e => e.Description))}");
    }
}
