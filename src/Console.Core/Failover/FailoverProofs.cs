using System.Text.Json;
using System.Text.Json.Nodes;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Objectives;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Failover;

/// <summary>What succeeded switchovers and failovers have measured.</summary>
public sealed class FailoverProofs(FleetModel fleet, OperationReader operations) : IRecoveryProofs
{
    private const int Looked = 20;

    public async Task<IReadOnlyList<RecoveryProof>> NewestAsync(CancellationToken cancel)
    {
        var proofs = new List<RecoveryProof>();
        foreach (var cluster in fleet.Clusters.Keys)
        {
            var ended = await operations.ListAsync(OperationKinds.Failover, OperationState.Succeeded, $"cluster:{cluster}", limit: Looked, cancel: cancel);
            var measured = ended.Select(o => Of(cluster, o)).OfType<RecoveryProof>().ToList();
            proofs.AddRange(measured.DistinctBy(p => p.Planned)); // newest first
        }
        return proofs;
    }

    /// <summary>Null for one that measured nothing.</summary>
    public static RecoveryProof? Of(string cluster, Operation operation)
    {
        if (operation.EndedAt is not { } at || Number(operation.Result["measuredRtoSeconds"]) is not { } rto) return null;
        var planned = operation.Request["planned"]?.GetValue<bool>() == true;
        // One heartbeat stands for the writes of its interval.
        var lost = Number(operation.Result["lostHeartbeats"]) is { } beats ? beats * (Number(operation.Result["resolutionSeconds"]) ?? 0) : (double?)null;
        return new RecoveryProof(cluster, rto, lost, at, planned, planned ? "switchover" : "failover");
    }

    private static double? Number(JsonNode? node) => node?.GetValueKind() == JsonValueKind.Number ? node.Deserialize<double>() : null;
}
