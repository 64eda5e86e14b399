namespace OpsConsole.Core.Replication;

/// <summary>The newest that is known of one node.</summary>
/// <param name="Last">newest observation, however old; null: never observed</param>
/// <param name="ObservedAt">console's clock at <paramref name="Last"/></param>
/// <param name="Error">why the last try failed; null when it succeeded</param>
/// <param name="AcknowledgedThen">newest heartbeat that was acknowledged when <paramref name="Last"/> was made</param>
/// <param name="MissingSince">when the oldest heartbeat was written that was acknowledged then and that the node did not hold; null: it held all</param>
public sealed record NodeReading(NodeObservation? Last, DateTimeOffset? ObservedAt, string? Error, DateTimeOffset TriedAt, Heartbeat? AcknowledgedThen, DateTimeOffset? MissingSince)
{
    /// <summary>An observation older than this says nothing about the present.</summary>
    public static readonly TimeSpan Stale = TimeSpan.FromSeconds(5);

    public bool IsReachable(DateTimeOffset now) => Error is null && ObservedAt is { } at && now - at <= Stale;
}

/// <summary>All that is known of one cluster at a moment: the input of the assessment.</summary>
/// <param name="LastPrimary">region that was last seen as the only primary</param>
/// <param name="Heartbeat">null when heartbeats are off</param>
/// <param name="Since">when the watch began</param>
public sealed record ClusterView(DateTimeOffset Now, DateTimeOffset Since, IReadOnlyDictionary<string, NodeReading> Nodes, HeartbeatStatus? Heartbeat, TimeSpan HeartbeatInterval, string? LastPrimary)
{
    /// <summary>A console that has just started and has seen nothing yet does not cry wolf.</summary>
    public static readonly TimeSpan StartGrace = TimeSpan.FromSeconds(10);

    /// <summary>No node was ever observed, and there was hardly time to.</summary>
    public bool IsBlank => Nodes.Values.All(n => n.ObservedAt is null) && (Now - Since < StartGrace || Nodes.Values.All(n => n.Error is null));

    public NodeObservation? Fresh(string region) => Nodes.TryGetValue(region, out var reading) && reading.IsReachable(Now) ? reading.Last : null;

    public IReadOnlyList<string> Primaries => Nodes.Keys.Where(r => Fresh(r) is { InRecovery: false }).Order(StringComparer.Ordinal).ToList();

    /// <summary>Whose WAL the others follow: the primary, of several the one with the highest timeline, else the one last known.</summary>
    public string? Authority => Primaries.OrderByDescending(p => Fresh(p)!.Timeline).FirstOrDefault() ?? LastPrimary;
}
