using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health;
using OpsConsole.Core.Live;

namespace OpsConsole.Web.Components.Pages.History;

/// <summary>What can be charted, under which word in the address, and of what.</summary>
public sealed record HistoryMetrics(string Id, string Text, HistoryMetric Metric, string KeyText)
{
    private const int DrawnAtFirst = 4;

    public static IReadOnlyList<HistoryMetrics> All { get; } =
    [
        new("responseTime", "Response time", HistoryMetric.ResponseTime, "Services"),
        new("errorRate", "Error rate", HistoryMetric.ErrorRate, "Services"),
        new("availability", "Availability", HistoryMetric.Availability, "Regions and services"),
        new("throughput", "Throughput", HistoryMetric.Throughput, "Services"),
        new("heartbeatLagSeconds", "Replication lag by heartbeat", HistoryMetric.HeartbeatLagSeconds, "Links"),
        new("replicationLagSeconds", "Replication lag in seconds", HistoryMetric.ReplicationLagSeconds, "Links"),
        new("replicationLagBytes", "Replication lag in bytes", HistoryMetric.ReplicationLagBytes, "Links"),
        new("rpo", "RPO exposure", HistoryMetric.Rpo, "Clusters"),
        new("roundTrip", "Latency between sites", HistoryMetric.RoundTrip, "Pairs of sites"),
        new("gauge", "Gauges and business metrics", HistoryMetric.Gauge, "Services"),
    ];

    public static HistoryMetrics Find(string? id) => All.FirstOrDefault(m => string.Equals(m.Id, id, StringComparison.OrdinalIgnoreCase)) ?? All[0];

    public static string[] FirstOf(IReadOnlyList<string> choices) => [.. choices.Take(DrawnAtFirst)];

    public static IReadOnlyList<string> Gauges(FleetSnapshot picture) =>
        picture.Services.Values.SelectMany(s => s.Gauges.Keys).Distinct().Order(StringComparer.Ordinal).ToList();

    public IReadOnlyList<string> Choices(FleetSnapshot picture, FleetModel fleet, string? gauge)
    {
        var services = fleet.Options.Services.Select(s => s.Id);
        return Metric switch
        {
            HistoryMetric.Availability => [.. fleet.RegionsByPriority.Select(r => r.Id), .. services],
            HistoryMetric.HeartbeatLagSeconds or HistoryMetric.ReplicationLagSeconds or HistoryMetric.ReplicationLagBytes => [.. Links(picture, fleet)],
            HistoryMetric.Rpo => [.. fleet.Options.Clusters.Select(c => c.Id)],
            HistoryMetric.RoundTrip => [.. picture.Latencies.Keys],
            HistoryMetric.Gauge => [.. picture.Services.Values.Where(s => gauge is null || s.Gauges.ContainsKey(gauge)).Select(s => s.Id)],
            _ => [.. services],
        };
    }

    /// <summary>The links of now first, then those that roles had before or may have: their past stays readable.</summary>
    private static IEnumerable<string> Links(FleetSnapshot picture, FleetModel fleet) =>
        picture.Links.Keys.Concat(fleet.Options.Links.Select(l => LinkState.KeyOf(l.Cluster, l.Source, l.Target))).Distinct();
}
