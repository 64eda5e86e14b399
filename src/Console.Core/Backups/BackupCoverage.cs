using OpsConsole.Core.Backups.Schedules;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Backups;

/// <param name="Restorable">what would be lost if it were restored now, against the policy's limit</param>
/// <param name="Copies">region to the number of usable copies there</param>
/// <param name="Next">what runs next, by policy; null: nothing is scheduled</param>
public sealed record ClusterCoverage(
    string Cluster, IReadOnlyList<string> Engines, ProvenBackup? Proven, Backup? Newest, RestorableRange? Range, RestorableReading Restorable, IReadOnlyDictionary<string, int> Copies, PlannedRun? Next, string TimeZone, int Failed);

/// <summary>Coverage at a glance: for each database, how it could be brought back now.</summary>
public sealed class BackupCoverage(FleetModel fleet, BackupsOptions options, BackupEngineRegistry engines, BackupCatalogue catalogue, BackupScheduler scheduler, RestorableRpo rpo)
{
    public async Task<IReadOnlyList<ClusterCoverage>> ReadAsync(CancellationToken cancel = default)
    {
        var all = new List<ClusterCoverage>();
        foreach (var cluster in fleet.Options.Clusters.Select(c => c.Id))
        {
            var backups = await catalogue.ListAsync(cluster, limit: 5000, cancel: cancel);
            var data = backups.Where(b => b.IsUsable && b.Type != BackupType.Configuration).ToList();
            var copies = data.SelectMany(b => b.Copies.Where(c => c.State is CopyState.Stored or CopyState.Verified)).GroupBy(c => c.Region).ToDictionary(g => g.Key, g => g.Count());
            var next = options.Policies.Exists(p => p.Cluster == cluster) ? (await scheduler.AheadAsync(cluster, TimeSpan.FromDays(2), cancel)).FirstOrDefault(r => r.Purpose is RunPurpose.Full or RunPurpose.Incremental) : null;
            all.Add(new ClusterCoverage(cluster, [.. engines.Of(cluster).Select(e => e.Id)], await catalogue.NewestProvenAsync(cluster, cancel), data.FirstOrDefault(),
                await catalogue.RangeAsync(cluster, cancel), rpo.Of(cluster), copies, next, options.TimeZone, backups.Count(b => b.Shown == BackupState.Failed)));
        }
        return all;
    }
}
