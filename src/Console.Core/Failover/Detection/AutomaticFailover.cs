using OpsConsole.Core.Approvals;
using OpsConsole.Core.Audit;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Failover.Detection;

/// <param name="By">who turned it on or off</param>
public sealed record AutomaticState(string Cluster, bool Enabled, string By, string Reason, DateTimeOffset? At);

/// <summary>The standing approval of FO-7: failovers without loss, by themselves, on one cluster. Off until an administrator with a fresh
/// second factor turns it on; effective at once. One that would lose data always waits for people.</summary>
public sealed class AutomaticFailover(FleetModel fleet, ConsoleDatabase database, IAuditLog audit, TimeProvider time)
{
    private static readonly TimeSpan Fresh = TimeSpan.FromMinutes(2);

    public async Task<IReadOnlyList<AutomaticState>> ListAsync(CancellationToken cancel = default)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        var known = (await connection.Command("SELECT DISTINCT ON (cluster) cluster, enabled, by, reason, at FROM failover.automatic ORDER BY cluster, id DESC")
            .ListAsync(r => new AutomaticState(r.GetString(0), r.GetBoolean(1), r.GetString(2), r.GetString(3), r.GetFieldValue<DateTimeOffset>(4)), cancel)).ToDictionary(s => s.Cluster);
        return fleet.Options.Clusters.Select(c => known.GetValueOrDefault(c.Id) ?? new AutomaticState(c.Id, false, "", "never turned on", null)).ToList();
    }

    /// <exception cref="NotAllowedException">not an administrator</exception>
    /// <exception cref="StepUpRequiredException">no fresh second factor</exception>
    /// <exception cref="RequestRefusedException">no such cluster, no reason</exception>
    public async Task<AutomaticState> SetAsync(string cluster, bool enabled, string reason, Person person, CancellationToken cancel = default)
    {
        if (!person.May(Policies.ManageSettings)) throw new NotAllowedException(Policies.ManageSettings);
        var now = time.GetUtcNow();
        if (person.StepUp is not { } proof || now - proof.At > Fresh) throw new StepUpRequiredException();
        if (!fleet.Clusters.ContainsKey(cluster)) throw new RequestRefusedException("cluster", $"'{cluster}' is no declared cluster.");
        if (string.IsNullOrWhiteSpace(reason)) throw new RequestRefusedException("reason", "Say why.");
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await connection.Command("INSERT INTO failover.automatic (cluster, enabled, by, reason, at) VALUES (@cluster, @enabled, @by, @reason, @at)",
            ("cluster", cluster), ("enabled", enabled), ("by", person.Email), ("reason", reason), ("at", now)).ExecuteAsync(cancel);
        await audit.AppendAsync(new AuditDraft(person.Email, enabled ? "failover.automatic.enable" : "failover.automatic.disable", $"cluster:{cluster}", reason, person.From), cancel);
        await transaction.CommitAsync(cancel);
        return new AutomaticState(cluster, enabled, person.Email, reason, now);
    }
}
