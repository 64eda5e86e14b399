using System.Collections.Immutable;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;

namespace OpsConsole.Web.Api;

// The live picture as the API and the hub write it. Ages are seconds at the moment of the answer.

public sealed record StatusView(HealthStatus Overall, DateTimeOffset GeneratedAt, long Epoch, long Sequence, IReadOnlyList<RegionView> Regions, IReadOnlyList<ComponentView> Components);

public sealed record RegionView(
    string Id, string Name, RegionRole Role, HealthStatus Status, double? AvailabilityPercent, double? TrafficPercent, double? DataAgeSeconds,
    DateTimeOffset? LastSampleAt, DateTimeOffset Since, string Reason);

public sealed record ComponentView(string Name, HealthStatus Status, string Detail, DateTimeOffset? LastSampleAt);

public sealed record ResponseTimeView(double? P50, double? P95, double? P99);

public sealed record ServiceView(
    string Id, string Region, ServiceKind Kind, ServiceTier Tier, HealthStatus Status, ResponseTimeView ResponseTimeMs,
    double? ErrorRatePercent, double? ClientErrorPercent, double? ServerErrorPercent, double? ThroughputPerSecond, double? AvailabilityPercent,
    DateTimeOffset? LastSampleAt, double? DataAgeSeconds, DateTimeOffset Since, string Reason, CircuitState Circuit,
    IReadOnlyList<NodeState> Nodes, IReadOnlyDictionary<string, double> Gauges);

public sealed record LinkView(
    string Cluster, string Source, string Target, HealthStatus Status, string State, string? Sync, long? LagBytes, double? LagSeconds, double? HeartbeatLagSeconds,
    double? BytesPerSecond, DateTimeOffset? LastSampleAt, string Reason);

public sealed record ClusterView(
    string Id, HealthStatus Status, string? PrimaryRegion, int? Timeline, bool? WriteAvailable, double? WriteAvailabilityPercent, DateTimeOffset? LastHeartbeatAt,
    double? RpoSeconds, string Reason, IReadOnlyList<string> Drift, IReadOnlyList<ClusterNodeState> Nodes, IReadOnlyList<SlotState> Slots, IReadOnlyList<LinkView> Links);

public sealed record LatencyView(string Source, string Target, double? Milliseconds, double LossPercent, DateTimeOffset? LastSampleAt);

/// <summary>From the live picture to what is written. Pure but for the clock.</summary>
public sealed class FleetViews(IFleetFeed feed, FleetModel fleet, TimeProvider clock)
{
    public FleetSnapshot Current => feed.Current;

    public StatusView Status()
    {
        var picture = feed.Current;
        return new StatusView(picture.Overall, clock.GetUtcNow(), picture.Epoch, picture.Sequence,
            [.. fleet.RegionsByPriority.Select(r => Region(r, picture))], [.. picture.Components.Values.Select(View)]);
    }

    public RegionView Region(RegionOptions declared, FleetSnapshot picture) => picture.Regions.TryGetValue(declared.Id, out var state)
        ? View(state)
        : new RegionView(declared.Id, declared.Name, declared.Role, HealthStatus.Unknown, null, null, null, null, DateTimeOffset.UnixEpoch, "Nothing has been seen yet.");

    public RegionView View(RegionState r) => new(
        r.Id, fleet.Regions.TryGetValue(r.Id, out var declared) ? declared.Name : r.Id, r.Role, r.Status, r.AvailabilityPercent, r.TrafficPercent,
        Age(r.LastSampleAt), r.LastSampleAt, r.Since, r.Reason);

    public ServiceView View(ServiceState s) => new(
        s.Id, s.Region, s.Kind, s.Tier, s.Status, new ResponseTimeView(s.P50Ms, s.P95Ms, s.P99Ms), s.ErrorRatePercent, s.ClientErrorPercent, s.ServerErrorPercent,
        s.ThroughputPerSecond, s.AvailabilityPercent, s.LastSampleAt, Age(s.LastSampleAt), s.Since, s.Reason, s.Circuit, List(s.Nodes), s.Gauges);

    public static ComponentView View(ComponentState c) => new(c.Name, c.Status, c.Detail, c.LastSampleAt);

    public static LinkView View(LinkState l) => new(
        l.Cluster, l.Source, l.Target, l.Status, l.State, l.Sync, l.LagBytes, l.LagSeconds, l.HeartbeatLagSeconds, l.BytesPerSecond, l.LastSampleAt, l.Reason);

    public static LatencyView View(LatencyState l) => new(l.Source, l.Target, l.Milliseconds, l.LossPercent, l.LastSampleAt);

    /// <param name="links">those to show under the cluster</param>
    public static ClusterView View(ClusterState c, IEnumerable<LinkState> links) => new(
        c.Id, c.Status, c.PrimaryRegion, c.Timeline, c.WriteAvailable, c.WriteAvailabilityPercent, c.LastHeartbeatAt, c.RpoSeconds, c.Reason,
        List(c.Drift), List(c.Nodes), List(c.Slots), [.. links.Select(View)]);

    private double? Age(DateTimeOffset? at) => at is { } t ? Math.Max(0, Math.Round((clock.GetUtcNow() - t).TotalSeconds, 3)) : null;

    private static ImmutableArray<T> List<T>(ImmutableArray<T> array) => array.IsDefault ? [] : array;
}
