using System.Text.Json.Nodes;
using NpgsqlTypes;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Failover;

/// <summary>What a request would cost, from what is measured now.</summary>
/// <param name="RtoSeconds">pause of writes; null while unknown</param>
/// <param name="RpoSeconds">loss in seconds of writes; null while unknown</param>
/// <param name="LostBytes">null while unknown</param>
public sealed record FailoverEstimate(double? RtoSeconds, double? RpoSeconds, long? LostBytes)
{
    public JsonObject Json => new() { ["rtoSeconds"] = RtoSeconds, ["rpoSeconds"] = RpoSeconds, ["lostBytes"] = LostBytes };

    public static FailoverEstimate Of(FailoverRequest request, PreflightFacts facts)
    {
        var state = facts.Picture.Clusters.GetValueOrDefault(request.Cluster);
        var link = facts.Picture.Links.GetValueOrDefault(LinkState.KeyOf(request.Cluster, request.Source, request.Target));
        return new FailoverEstimate(
            (request.Planned ? facts.SwitchoverSeconds : null) ?? state?.RtoEstimateSeconds,
            request.Planned ? 0 : link?.HeartbeatLagSeconds ?? link?.LagSeconds,
            request.Planned ? 0 : PossibleLoss(request, state));
    }

    /// <summary>Bytes that the source had written beyond what the most advanced standby in reach holds; null when unknown. With enough
    /// standbys in reach none of these were acknowledged.</summary>
    public static long? PossibleLoss(FailoverRequest request, ClusterState? state)
    {
        var source = Position(state?.Nodes.FirstOrDefault(n => n.Region == request.Source)?.Lsn);
        var most = state?.Nodes.Where(n => n.Region != request.Source && n.Reachable).Select(n => Position(n.Lsn)).Max();
        return source is null || most is null ? null : (long)(source > most ? source - most : 0);
    }

    private static ulong? Position(string? lsn) => lsn is not null && NpgsqlLogSequenceNumber.TryParse(lsn, out var position) ? (ulong)position : null;
}
