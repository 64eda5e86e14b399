namespace OpsConsole.Core.Health;

/// <summary>What is charted. The key is that of the live entity: a service id, a link key, a region id, a latency key.</summary>
public enum HistoryMetric
{
    /// <summary>Service: response time percentiles in ms.</summary>
    ResponseTime,
    /// <summary>Service: failed share in percent (4xx and 5xx apart in the API).</summary>
    ErrorRate,
    /// <summary>Service or region: percent.</summary>
    Availability,
    /// <summary>Service: requests or transactions per second.</summary>
    Throughput,
    /// <summary>Link: seconds (views), bytes, or seconds by heartbeat.</summary>
    ReplicationLagSeconds,
    ReplicationLagBytes,
    HeartbeatLagSeconds,
    /// <summary>Cluster: measured RPO exposure in seconds.</summary>
    Rpo,
    /// <summary>Latency key: round trip in ms.</summary>
    RoundTrip,
    /// <summary>A named gauge or business metric of a service; the name is in the query.</summary>
    Gauge,
    /// <summary>Cluster: 1 while writes through the client endpoint are acknowledged, 0 while they are not; series <c>cluster:{id}:writeAvailable</c>.</summary>
    WriteAvailability,
    /// <summary>Key <c>database</c>, <c>application</c> or <c>system</c> (OB-4): 1 while available, 0 while not; series <c>objective:{key}:available</c>.</summary>
    ObjectiveAvailability,
}

/// <param name="To">Exclusive. A range up to one year; raw, minute, hour or day rows are chosen so that <paramref name="MaxPoints"/> suffices.</param>
/// <param name="MaxPoints">10 to 5,000 per series.</param>
public sealed record HistoryQuery(HistoryMetric Metric, IReadOnlyList<string> Keys, DateTimeOffset From, DateTimeOffset To, int MaxPoints = 500, string? Gauge = null);

/// <param name="Value">Mean (or P50 of response times); null: no samples in the interval (a gap, never a zero).</param>
public readonly record struct HistoryPoint(DateTimeOffset At, double? Value, double? P95, double? P99, double? Max, int Count);

/// <param name="Resolution">raw, minute, hour or day.</param>
public sealed record HistorySeries(string Key, string Resolution, IReadOnlyList<HistoryPoint> Points);

public interface IHistory
{
    Task<IReadOnlyList<HistorySeries>> ReadAsync(HistoryQuery query, CancellationToken cancel = default);
}
