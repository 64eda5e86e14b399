using OpsConsole.Core.Approvals;
using OpsConsole.Core.Audit;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Operations;

/// <summary>What is held back (FL-5). Maintenance: expected to be down, no automatic action, no alerts. AutomationPaused: people only
/// ("hands off" when it is for the fleet). MonitoringPaused: no probes.</summary>
public enum Hold { Maintenance, AutomationPaused, MonitoringPaused }

/// <param name="Scope"><c>fleet</c>, <c>region:ID</c>, <c>service:ID</c> or <c>cluster:ID</c></param>
/// <param name="Until">null: until somebody ends it</param>
public sealed record ActiveHold(string Scope, Hold Hold, string Reason, string By, DateTimeOffset Since, DateTimeOffset? Until);

/// <summary>Maintenance mode and pauses, each with a reason and an end, visible to everybody and kept over restarts.</summary>
public sealed class Automation(ConsoleDatabase database, IAuditLog audit, TimeProvider clock)
{
    public const string Fleet = "fleet";

    /// <summary>Where a hold keeps the console from moving the cluster by itself: on it, on a region or a service of one of its nodes, on the fleet.</summary>
    public static IReadOnlySet<string> ScopesOf(ClusterOptions cluster) =>
        cluster.Nodes.SelectMany(n => new[] { $"region:{n.Region}", $"service:{n.Service}" }).Append($"cluster:{cluster.Id}").Append(Fleet).ToHashSet();

    public async Task<IReadOnlyList<ActiveHold>> ListAsync(CancellationToken cancel = default)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return await connection.Command("SELECT * FROM ops.automation WHERE until IS NULL OR until > @now ORDER BY since", ("now", clock.GetUtcNow())).ListAsync(r => new ActiveHold(
            r.Get<string>("scope"), r.Word<Hold>("hold"), r.Get<string>("reason"), r.Get<string>("by"), r.Get<DateTimeOffset>("since"), r.Value<DateTimeOffset>("until")), cancel);
    }

    /// <summary>The first hold on any of the scopes or on the whole fleet that keeps the console from acting by itself; null: it may act.</summary>
    public async Task<ActiveHold?> HandsOffAsync(IEnumerable<string> scopes, CancellationToken cancel = default)
    {
        var all = scopes.Append(Fleet).ToHashSet();
        return (await ListAsync(cancel)).FirstOrDefault(h => h.Hold is Hold.Maintenance or Hold.AutomationPaused && all.Contains(h.Scope));
    }

    /// <summary>Begins or prolongs a hold.</summary>
    public async Task SetAsync(string scope, Hold hold, string reason, DateTimeOffset? until, Person person, CancellationToken cancel = default)
    {
        Require(person);
        if (string.IsNullOrWhiteSpace(reason)) throw new RequestRefusedException("reason", "Say why.");
        if (scope != Fleet && scope.Split(':') is not ["region" or "service" or "cluster", { Length: > 0 }])
            throw new RequestRefusedException("scope", $"'{scope}' is no scope: give fleet, region:ID, service:ID or cluster:ID.");
        var now = clock.GetUtcNow();
        if (until <= now) throw new RequestRefusedException("until", "The end lies in the past.");
        await ChangeAsync("""
            INSERT INTO ops.automation (scope, hold, reason, by, since, until) VALUES (@scope, @hold, @reason, @by, @now, @until::timestamptz)
            ON CONFLICT (scope, hold) DO UPDATE SET reason = @reason, by = @by, until = @until::timestamptz,
                since = CASE WHEN ops.automation.until <= @now THEN @now ELSE ops.automation.since END
            """, scope, hold, reason, until, person, "set", cancel);
    }

    public Task ClearAsync(string scope, Hold hold, string reason, Person person, CancellationToken cancel = default)
    {
        Require(person);
        return ChangeAsync("DELETE FROM ops.automation WHERE scope = @scope AND hold = @hold", scope, hold, reason, null, person, "clear", cancel);
    }

    private async Task ChangeAsync(string sql, string scope, Hold hold, string reason, DateTimeOffset? until, Person person, string verb, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await connection.Command(sql, ("scope", scope), ("hold", hold.Word()), ("reason", reason), ("by", person.Email), ("now", clock.GetUtcNow()), ("until", until)).ExecuteAsync(cancel);
        await audit.AppendAsync(new AuditDraft(person.Email, $"{hold.Word()}.{verb}", scope, reason, person.From, After: new { until }), cancel);
        await transaction.CommitAsync(cancel);
    }

    private static void Require(Person person)
    {
        if (!person.May(Policies.Operate)) throw new NotAllowedException(Policies.Operate);
    }
}
