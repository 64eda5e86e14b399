using Microsoft.EntityFrameworkCore;

namespace OpsConsole.Web.Identity;

/// <summary>By what else than its own address an account's human being is recognised. A linked sign-in stays known when it is unlinked (the
/// database keeps it, by a trigger), so that nobody becomes two people by unlinking first.</summary>
internal static class KnownIdentities
{
    /// <summary>How long an account that was made or reset counts as one person with whoever did it, and so with whomever else they made.</summary>
    public static readonly TimeSpan MakerCounts = TimeSpan.FromHours(24);

    public static string MadeBy(Guid administrator) => $"madeBy:{administrator}";

    public static Task<List<string>> IdentitiesAsync(this IdentityDb db, Guid user, DateTimeOffset now, CancellationToken cancel) => db.Database.SqlQuery<string>(
        $"""SELECT identity AS "Value" FROM identity.known_identity WHERE user_id = {user} AND (until IS NULL OR until > {now})""").ToListAsync(cancel);

    public static Task KeepIdentityAsync(this IdentityDb db, Guid user, string identity, DateTimeOffset until, CancellationToken cancel) => db.Database.ExecuteSqlAsync(
        $"INSERT INTO identity.known_identity (user_id, identity, until) VALUES ({user}, {identity}, {until}) ON CONFLICT (user_id, identity) DO UPDATE SET until = excluded.until", cancel);
}
