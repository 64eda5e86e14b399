using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Health.Telemetry;

/// <summary>What a figure is in the tables: which series, and how a point's value comes from a row.</summary>
/// <param name="Series">key in <c>telemetry.series</c></param>
/// <param name="OfProbes">the raw rows are probe samples, not metric values</param>
/// <param name="Factor">to the unit of the chart</param>
internal readonly record struct SeriesSource(string Series, bool OfProbes, double Factor = 1)
{
    public static SeriesSource Of(FleetModel fleet, HistoryMetric metric, string key, string? gauge) => metric switch
    {
        HistoryMetric.Availability when fleet.Regions.ContainsKey(key) => new($"region:{key}:availability", false),
        HistoryMetric.Availability when fleet.Clusters.ContainsKey(key) => new($"cluster:{key}:writeAvailable", false, 100),
        HistoryMetric.ResponseTime or HistoryMetric.ErrorRate or HistoryMetric.Availability => new(SeriesIds.ServiceKey(key), true),
        HistoryMetric.Throughput => new($"service:{key}:gauge:{GaugeNames.Throughput}", false),
        HistoryMetric.WriteAvailability => new($"cluster:{key}:writeAvailable", false),
        HistoryMetric.ObjectiveAvailability => new($"objective:{key}:available", false),
        HistoryMetric.ReplicationLagSeconds => new($"link:{key}:lagSeconds", false),
        HistoryMetric.ReplicationLagBytes => new($"link:{key}:lagBytes", false),
        HistoryMetric.HeartbeatLagSeconds => new($"link:{key}:heartbeatLagSeconds", false),
        HistoryMetric.Rpo => new($"cluster:{key}:rpoSeconds", false),
        HistoryMetric.RoundTrip => new($"latency:{key}:ms", false),
        HistoryMetric.Gauge => new($"service:{key}:gauge:{gauge ?? throw new ArgumentException("A gauge needs its name.", nameof(gauge))}", false),
        _ => throw new ArgumentOutOfRangeException(nameof(metric), metric, "Unknown metric."),
    };

    /// <param name="row">the sums of a point</param>
    public HistoryPoint Point(HistoryMetric metric, DateTime at, in RollUpRow row)
    {
        var start = new DateTimeOffset(at);
        if (!OfProbes)
            return new HistoryPoint(start, Scale(row.Valued == 0 ? null : row.Total / row.Valued), Scale(row.P95), Scale(row.P99), row.Valued == 0 ? null : row.Greatest * Factor, row.Count);
        return metric switch
        {
            HistoryMetric.ResponseTime => new HistoryPoint(start, row.P50, row.P95, row.P99, row.Valued == 0 ? null : row.Greatest, row.Count),
            HistoryMetric.ErrorRate => new HistoryPoint(start, row.Errors * 100.0 / row.Count, null, null, null, row.Count),
            _ => new HistoryPoint(start, (row.Count - row.Errors) * 100.0 / row.Count, null, null, null, row.Count),
        };
    }

    private double? Scale(double? value) => value * Factor;
}
