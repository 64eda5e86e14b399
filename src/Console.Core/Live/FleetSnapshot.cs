using System.Collections.Immutable;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Live;

/// <summary>Verdict on a region, service, node or component. Unknown is a state of its own and never shown as healthy.</summary>
public enum HealthStatus { Unknown, Healthy, Degraded, Critical, Failed }

/// <summary>The immutable current picture. Produced only by the reducer (<see cref="FleetState"/>).
/// <see cref="Epoch"/> is that of the probe lease; <see cref="Sequence"/> grows by one with each batch of an epoch.</summary>
public sealed record FleetSnapshot(
    long Epoch,
    long Sequence,
    DateTimeOffset At,
    HealthStatus Overall,
    ImmutableSortedDictionary<string, RegionState> Regions,
    ImmutableSortedDictionary<string, ServiceState> Services,
    ImmutableSortedDictionary<string, ClusterState> Clusters,
    ImmutableSortedDictionary<string, LinkState> Links,
    ImmutableSortedDictionary<string, LatencyState> Latencies,
    ImmutableSortedDictionary<string, ComponentState> Components)
{
    public static FleetSnapshot Empty { get; } = new(0, 0, DateTimeOffset.UnixEpoch, HealthStatus.Unknown,
        Ordinal<RegionState>(), Ordinal<ServiceState>(),
        Ordinal<ClusterState>(), Ordinal<LinkState>(),
        Ordinal<LatencyState>(), Ordinal<ComponentState>());

    /// <summary>By pair: <see cref="LinkState.KeyOf"/>.</summary>
    public ImmutableSortedDictionary<string, ReadinessState> Readiness { get; init; } = Ordinal<ReadinessState>();

    private static ImmutableSortedDictionary<string, T> Ordinal<T>() => ImmutableSortedDictionary.Create<string, T>(StringComparer.Ordinal);
}

/// <summary>Anything that lives in the picture: what it is keyed by, and a version that grows with each change, so that
/// a row component compares two ints instead of a tree.</summary>
public interface ILiveEntity
{
    string Key { get; }
    int Version { get; }
}

/// <param name="AvailabilityPercent">Tier-weighted share of available services over 5 min (HE-3); null while unknown.</param>
/// <param name="TrafficPercent">Measured share of the HTTP traffic; null while unknown.</param>
/// <param name="LastSampleAt">Newest sample of any of its services: the data's age.</param>
/// <param name="Reason">One sentence: why this status.</param>
public sealed record RegionState(
    string Id, RegionRole Role, HealthStatus Status, double? AvailabilityPercent, double? TrafficPercent,
    DateTimeOffset? LastSampleAt, DateTimeOffset Since, string Reason, int Version) : ILiveEntity
{
    public string Key => Id;
}

/// <param name="P50Ms">Response time in ms over the last 5 min; null without samples. Likewise P95Ms, P99Ms.</param>
/// <param name="ErrorRatePercent">Failed probes or responses over 5 min; 4xx and 5xx are also given apart.</param>
public sealed record ServiceState(
    string Id, string Region, ServiceKind Kind, ServiceTier Tier, HealthStatus Status,
    double? P50Ms, double? P95Ms, double? P99Ms, double? ErrorRatePercent, double? ClientErrorPercent, double? ServerErrorPercent,
    double? ThroughputPerSecond, double? AvailabilityPercent, DateTimeOffset? LastSampleAt, DateTimeOffset Since, string Reason,
    ImmutableArray<NodeState> Nodes, ImmutableSortedDictionary<string, double> Gauges, CircuitState Circuit, int Version) : ILiveEntity
{
    public string Key => Id;
}

public sealed record NodeState(string Id, string Address, int Weight, HealthStatus Status);

/// <summary>Circuit breaker of a probed dependency (HE-5).</summary>
public enum CircuitState { Closed, Open, HalfOpen }

/// <param name="PrimaryRegion">The one region whose node accepts writes; null when none or more than one does.</param>
/// <param name="WriteAvailable">Whether heartbeats through the client endpoint are acknowledged; null when heartbeats are off.</param>
/// <param name="LastHeartbeatAt">Last acknowledged heartbeat.</param>
/// <param name="RpoSeconds">Data that would be lost if the primary's region vanished now: best standby's heartbeat age.</param>
/// <param name="RtoEstimateSeconds">Sum of the parts that were measured (RtoSource says which).</param>
/// <param name="Drift">What differs from the declaration, in words; empty when nothing does.</param>
public sealed record ClusterState(
    string Id, HealthStatus Status, string? PrimaryRegion, int? Timeline, bool? WriteAvailable, DateTimeOffset? LastHeartbeatAt,
    double? WriteAvailabilityPercent, double? RpoSeconds, double? RtoEstimateSeconds, string RtoSource, DateTimeOffset? NewestRestorableAt,
    ImmutableArray<ClusterNodeState> Nodes, ImmutableArray<SlotState> Slots, ImmutableArray<string> Drift, string Reason, int Version) : ILiveEntity
{
    public string Key => Id;
}

public enum NodeRole { Unknown, Primary, Standby }

/// <param name="Lsn">Current (primary) or last received (standby) WAL position, as <c>X/Y</c>.</param>
/// <param name="ReceiverStatus"><c>pg_stat_wal_receiver.status</c>; null on a primary or when nothing streams.</param>
public sealed record ClusterNodeState(
    string Region, NodeRole Role, bool Reachable, int? Timeline, string? Lsn, string? ReceiverStatus,
    DateTimeOffset? LastMessageAt, DateTimeOffset? LastSampleAt, string? Error);

public sealed record SlotState(string Node, string Name, bool Active, long? RetainedBytes, string? WalStatus);

/// <summary>A replication link that is streaming or should be.</summary>
/// <param name="State"><c>streaming</c>, <c>catchup</c>, <c>startup</c>, or <c>disconnected</c>.</param>
/// <param name="Sync">async, potential, quorum, sync; null when unknown.</param>
/// <param name="LagBytes">Primary's position less the standby's replayed one; null when unknown, likewise the seconds.</param>
/// <param name="HeartbeatLagSeconds">For how long the oldest acknowledged heartbeat that the standby lacks has been there: true end-to-end lag; 0 when it lacks none.</param>
public sealed record LinkState(
    string Cluster, string Source, string Target, HealthStatus Status, string State, string? Sync,
    long? LagBytes, double? LagSeconds, double? HeartbeatLagSeconds, double? BytesPerSecond, DateTimeOffset? LastSampleAt, string Reason, int Version) : ILiveEntity
{
    public static string KeyOf(string cluster, string source, string target) => $"{cluster}:{source}>{target}";
    public string Key => KeyOf(Cluster, Source, Target);
}

/// <summary>A timed request round trip (TR-4). <see cref="Source"/> is <c>console</c> or a region id.</summary>
public sealed record LatencyState(string Source, string Target, double? Milliseconds, double LossPercent, DateTimeOffset? LastSampleAt, int Version) : ILiveEntity
{
    public string Key => $"{Source}>{Target}";
}

/// <summary>Parts of the console and the edge that are neither a region nor its services: database, probe engine, traffic managers, ...</summary>
public sealed record ComponentState(string Name, HealthStatus Status, string Detail, DateTimeOffset? LastSampleAt, int Version) : ILiveEntity
{
    public string Key => Name;
}
