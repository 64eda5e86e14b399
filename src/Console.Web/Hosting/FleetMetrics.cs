using System.Diagnostics.Metrics;
using OpsConsole.Core.Failover.Contingencies;
using OpsConsole.Core.Live;
using OpsConsole.Core.Objectives;

namespace OpsConsole.Web.Hosting;

/// <summary>The fleet in Prometheus' words (IF-2), read from the live picture at each scrape. What is unknown has no sample: a missing
/// series, never a zero. Statuses are 0 unknown, 1 healthy, 2 degraded, 3 critical, 4 failed.</summary>
public sealed class FleetMetrics : IDisposable
{
    public const string MeterName = "OpsConsole";
    private readonly Meter meter;

    public FleetMetrics(IMeterFactory meters, IFleetFeed feed, IServiceProvider services, TimeProvider clock)
    {
        meter = meters.Create(MeterName);
        Gauge("dr_replication_lag_seconds", "Replication lag, end to end where heartbeats run", () => feed.Current.Links.Values
            .Select(l => (l.HeartbeatLagSeconds ?? l.LagSeconds, Tags(("cluster", l.Cluster), ("source", l.Source), ("target", l.Target)))));
        Gauge("dr_replication_lag_bytes", "Replication lag in bytes of WAL", () => feed.Current.Links.Values
            .Select(l => ((double?)l.LagBytes, Tags(("cluster", l.Cluster), ("source", l.Source), ("target", l.Target)))));
        Gauge("dr_replication_link_status", "Status of a replication link", () => feed.Current.Links.Values
            .Select(l => ((double?)(int)l.Status, Tags(("cluster", l.Cluster), ("source", l.Source), ("target", l.Target)))));
        Gauge("dr_region_status", "Status of a region", () => feed.Current.Regions.Values.Select(r => ((double?)(int)r.Status, Tags(("region", r.Id)))));
        Gauge("dr_region_availability_percent", "Tier-weighted availability over 5 minutes", () => feed.Current.Regions.Values.Select(r => (r.AvailabilityPercent, Tags(("region", r.Id)))));
        Gauge("dr_region_traffic_percent", "Measured share of the HTTP traffic", () => feed.Current.Regions.Values.Select(r => (r.TrafficPercent, Tags(("region", r.Id)))));
        Gauge("dr_service_status", "Status of a service", () => feed.Current.Services.Values
            .Select(s => ((double?)(int)s.Status, Tags(("service", s.Id), ("region", s.Region), ("tier", s.Tier.ToString().ToLowerInvariant())))));
        Gauge("dr_service_availability_percent", "Availability of a service over 5 minutes", () => feed.Current.Services.Values.Select(s => (s.AvailabilityPercent, Tags(("service", s.Id), ("region", s.Region)))));
        Gauge("dr_service_response_time_p95_milliseconds", "95th percentile of the response time over 5 minutes", () => feed.Current.Services.Values.Select(s => (s.P95Ms, Tags(("service", s.Id), ("region", s.Region)))));
        Gauge("dr_component_status", "Status of the console's and the edge's own parts (health checks)", () => feed.Current.Components.Values.Select(c => ((double?)(int)c.Status, Tags(("component", c.Name)))));
        Gauge("dr_overall_status", "Overall status of the fleet", () => [((double?)(int)feed.Current.Overall, [])]);
        Gauge("dr_picture_age_seconds", "Age of the live picture", () => feed.Current.Epoch == 0 ? [] : [((double?)(clock.GetUtcNow() - feed.Current.At).TotalSeconds, [])]);
        Gauge("dr_contingency_violations", "Losses of one region, or of two, after which the fleet would be short of something", () => services.GetService<ContingencyPlans>()?.Latest is { } plans
            ? [(plans.Losing(1).Count(c => c.Violated), Tags(("lost", "1"))), (plans.Losing(2).Count(c => c.Violated), Tags(("lost", "2")))] : []);
        Gauge("dr_rto_target_seconds", "Recovery time objective", () => Objectives(services, c => c.Rto.TargetSeconds));
        Gauge("dr_rto_seconds", "Recovery time: estimated from measured parts", () => Objectives(services, c => c.Rto.CurrentSeconds));
        Gauge("dr_rpo_target_seconds", "Recovery point objective", () => Objectives(services, c => c.Rpo.TargetSeconds));
        Gauge("dr_rpo_seconds", "Recovery point: measured exposure", () => Objectives(services, c => c.Rpo.CurrentSeconds));
    }

    private void Gauge(string name, string description, Func<IEnumerable<(double? Value, KeyValuePair<string, object?>[] Tags)>> read) =>
        meter.CreateObservableGauge(name, () => read().Where(r => r.Value is not null).Select(r => new Measurement<double>(r.Value!.Value, r.Tags)), description: description);

    private static IEnumerable<(double?, KeyValuePair<string, object?>[])> Objectives(IServiceProvider services, Func<ClusterObjectives, double?> value) =>
        services.GetService<IObjectives>()?.Current().Select(c => (value(c), Tags(("cluster", c.Cluster)))) ?? [];

    private static KeyValuePair<string, object?>[] Tags(params (string Name, string Value)[] tags) => [.. tags.Select(t => KeyValuePair.Create(t.Name, (object?)t.Value))];

    public void Dispose() => meter.Dispose();
}
