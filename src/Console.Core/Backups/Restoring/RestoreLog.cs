using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Backups.Restoring;

/// <summary>Brings the log up to a moment into the repositories.</summary>
public sealed class RestoreLog(FleetModel fleet, IFleetFeed feed, RestorableMoments moments, TimeProvider time)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(90);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(200);

    /// <summary>A restore to a moment ends at the first commit after it: with the heartbeats there is one within this.</summary>
    private static readonly TimeSpan CommitMargin = TimeSpan.FromSeconds(5);

    /// <summary>Whether this engine has the log up to a moment and the commit after it.</summary>
    public async Task<bool> HasAsync(string cluster, string engine, DateTimeOffset target, CancellationToken cancel) =>
        (await moments.NewestAsync(cluster, cancel)).TryGetValue(engine, out var newest)
        && newest > (feed.Current.Clusters.GetValueOrDefault(cluster)?.PrimaryRegion is null ? target : target + CommitMargin); // without a primary no more is to be had

    /// <exception cref="BackupEngineException">there is no primary, or the log does not arrive</exception>
    public async Task BringAsync(string cluster, string engine, DateTimeOffset target, Func<string, System.Text.Json.Nodes.JsonObject?, Task> say, CancellationToken cancel)
    {
        if (feed.Current.Clusters.GetValueOrDefault(cluster)?.PrimaryRegion is not { } region) throw new BackupEngineException($"{cluster} has no primary that could close its log: choose a target up to the newest stored moment.");
        // A restore to a moment ends at the first commit after it: there must be one.
        var wait = target - time.GetUtcNow();
        if (wait > TimeSpan.Zero) await Task.Delay(wait + TimeSpan.FromMilliseconds(50), time, cancel);
        var declared = fleet.Clusters[cluster];
        await using var node = await NodeConnection.OpenAsync(declared, declared.Nodes.First(n => n.Region == region), "opsconsole restore", cancel);
        await node.ExecuteAsync("SELECT pg_logical_emit_message(true, 'opsconsole', 'restore')", cancel);
        var (at, text, timeline) = (await node.ListAsync("SELECT clock_timestamp(), pg_current_wal_lsn()::text, ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int",
            r => (r.GetFieldValue<DateTimeOffset>(0), r.GetString(1), r.GetInt32(2)), cancel)).Single();
        var position = WalPosition.Parse(text);
        await moments.MarkAsync(cluster, at, timeline, position, cancel);
        await node.ExecuteAsync("SELECT pg_switch_wal()", cancel);
        var start = time.GetTimestamp();
        // As the observing node notes it: only there is all of a promotion's log known to be on its way, and only there is streaming watched.
        while (await moments.StoredAsync(cluster, engine, cancel) is not { } stored || stored.Timeline < timeline || (stored.Timeline == timeline && stored.Position < position))
        {
            if (time.GetElapsedTime(start) > Limit)
                throw new BackupEngineException($"The log of {engine} did not arrive in its repositories within {Limit.TotalSeconds} s. Look at {(engine == BackupEngines.PgBackRest ? $"archive_command's errors in the log of {region}" : "the log stream on the Backups page")}, or choose an earlier target.");
            await Task.Delay(Pause, time, cancel);
        }
        await say($"The log is stored up to {at.UtcDateTime:u}.", null);
    }
}
