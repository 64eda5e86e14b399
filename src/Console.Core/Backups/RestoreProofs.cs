using OpsConsole.Core.Fleet;
using OpsConsole.Core.Objectives;

namespace OpsConsole.Core.Backups;

/// <summary>How long the newest proven backup of each cluster took to restore, for the objectives.</summary>
public sealed class RestoreProofs(FleetModel fleet, IBackupCatalogue catalogue) : IRecoveryProofs
{
    public async Task<IReadOnlyList<RecoveryProof>> NewestAsync(CancellationToken cancel)
    {
        var proofs = new List<RecoveryProof>();
        foreach (var cluster in fleet.Clusters.Keys)
            if (await catalogue.NewestProvenAsync(cluster, cancel) is { RestoreSeconds: > 0 } proven) proofs.Add(new RecoveryProof(cluster, proven.RestoreSeconds, null, proven.ProvenAt, false, "proof of a backup") { Restore = true });
        return proofs;
    }
}
