using System.Text.Json.Nodes;
using NpgsqlTypes;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Failover;

/// <summary>What a request would cost, from what is measured now.</summary>
/// <param name="RtoSeconds">pause of writes; null while unknown</param>
/// <param name="RpoSeconds">loss in seconds of writes; null while unknown</param>
/// <param name="LostBytes">of acknowledged writes; null while unknown</param>
/// <param name="LostTransactions">of the loss in seconds, at the source's present rate; null while unknown</param>
public sealed record FailoverEstimate(double? RtoSeconds, double? RpoSeconds, long? LostBytes, double? LostTransactions = null)
{
    public JsonObject Json => new() { ["rtoSeconds"] = RtoSeconds, ["rpoSeconds"] = RpoSeconds, ["lostBytes"] = LostBytes, ["lostTransactions"] = LostTransactions };

    public static FailoverEstimate Of(FailoverRequest request, PreflightFacts facts)
    {
        var state = facts.Picture.Clusters.GetValueOrDefault(request.Cluster);
        var link = facts.Picture.Links.GetValueOrDefault(LinkState.KeyOf(request.Cluster, request.Source, request.Target));
        var rto = (request.Planned ? facts.SwitchoverSeconds : null) ?? state?.RtoEstimateSeconds;
        var cluster = facts.Fleet.Clusters[request.Cluster];
        // Shipped to the last record, or confirmed by a quorum that is in reach: nothing acknowledged can be lost.
        if (request.Planned || FailoverPreflight.IsLossless(request, cluster, state, facts.ConfirmationsInForce.GetValueOrDefault(request.Source))) return new FailoverEstimate(rto, 0, 0, 0);
        var rpo = link?.HeartbeatLagSeconds ?? link?.LagSeconds;
        var service = cluster.Nodes.Find(n => n.Region == request.Source)?.Service ?? "";
        var rate = facts.Picture.Services.GetValueOrDefault(service)?.ThroughputPerSecond;
        return new FailoverEstimate(rto, rpo, PossibleLoss(request, facts), rpo is null || rate is null ? null : Math.Ceiling(rpo.Value * rate.Value));
    }

    /// <summary>Bytes that the source had written beyond what the most advanced standby in reach holds; null when unknown. With enough
    /// standbys in reach none of these were acknowledged.</summary>
    public static long? PossibleLoss(FailoverRequest request, PreflightFacts facts)
    {
        var state = facts.Picture.Clusters.GetValueOrDefault(request.Cluster);
        var source = Position(state?.Nodes.FirstOrDefault(n => n.Region == request.Source)?.Lsn) ?? facts.LastWritten.GetValueOrDefault(request.Source);
        var most = state?.Nodes.Where(n => n.Region != request.Source && n.Reachable).Select(n => Position(n.Lsn)).Max();
        return source is null || most is null ? null : (long)(source > most ? source - most : 0);
    }

    private static ulong? Position(string? lsn) => lsn is not null && NpgsqlLogSequenceNumber.TryParse(lsn, out var position) ? (ulong)position : null;
}
