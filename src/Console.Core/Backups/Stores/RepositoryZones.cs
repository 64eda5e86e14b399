using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Backups.Stores;

/// <summary>Where a cluster's data may be copied to (BA-3): into a repository that shares a compliance zone with it, or for which a transfer and its basis are recorded.</summary>
public static class RepositoryZones
{
    /// <summary>A cluster without zones may be copied anywhere.</summary>
    public static bool MayHold(BackupRepositoryOptions repository, ClusterOptions cluster) =>
        cluster.ComplianceZones.Count == 0
        || repository.ComplianceZones.Intersect(cluster.ComplianceZones, StringComparer.OrdinalIgnoreCase).Any()
        || repository.TransferBasis.ContainsKey(cluster.Id);
}
