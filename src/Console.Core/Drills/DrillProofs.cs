using OpsConsole.Core.Objectives;

namespace OpsConsole.Core.Drills;

/// <summary>What drills that moved the database have measured: promised against proven (OB-2).</summary>
public sealed class DrillProofs(DrillHistory history) : IRecoveryProofs
{
    public async Task<IReadOnlyList<RecoveryProof>> NewestAsync(CancellationToken cancel) =>
        [.. (await history.ListAsync(cancel)).Where(r => r is { Passed: true, RtoSeconds: not null })
            .DistinctBy(r => r.Pair.Cluster).Select(r => new RecoveryProof(r.Pair.Cluster, r.RtoSeconds!.Value, r.RpoSeconds, r.At, Planned: true, "drill"))];
}
