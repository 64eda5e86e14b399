using System.Collections.Immutable;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Health.Verdicts;

/// <summary>Everything known of one service: its probes' verdicts and windows, its gauges. Used by the reducer's reader only.</summary>
internal sealed class ServiceHealth(ServiceOptions service, IReadOnlyList<ProbeVerdict> probes, DateTimeOffset started)
{
    private ImmutableSortedDictionary<string, double> _gauges = ImmutableSortedDictionary.Create<string, double>(StringComparer.Ordinal);
    private double? _throughput;

    public ServiceOptions Service { get; } = service;
    public IReadOnlyList<ProbeVerdict> Probes { get; } = probes;

    public void Gauge(string name, double value)
    {
        if (name == GaugeNames.Throughput)
            _throughput = Math.Round(value, 1);
        else
            _gauges = _gauges.SetItem(name, Math.Round(value, 3));
    }

    public bool GoneStale(DateTimeOffset now)
    {
        var stale = false;
        foreach (var probe in Probes)
            stale |= probe.GoneStale(now, started);
        return stale;
    }

    public void Seed(ServiceState last)
    {
        _gauges = last.Gauges;
        _throughput = last.ThroughputPerSecond;
        var state = last.Status switch
        {
            HealthStatus.Failed => UpDown.Down,
            HealthStatus.Healthy or HealthStatus.Degraded => UpDown.Up,
            _ => UpDown.Unknown,
        };
        foreach (var probe in Probes)
            probe.Seed(state);
    }

    public static ServiceState Unknown(ServiceOptions service, DateTimeOffset now) => new(
        service.Id, service.Region, service.Kind, service.Tier, HealthStatus.Unknown, null, null, null, null, null, null, null, null, null, now,
        service.Probes.Count == 0 ? "not probed" : "not sampled yet",
        [.. service.Nodes.Select(n => new NodeState(n.Id, n.Address, n.Weight, HealthStatus.Unknown))],
        ImmutableSortedDictionary.Create<string, double>(StringComparer.Ordinal), CircuitState.Closed, 0);

    public ServiceState Evaluate(ServiceState before, DateTimeOffset now, ObservationOptions options, WindowSums sums)
    {
        sums.Clear();
        foreach (var probe in Probes)
            probe.Window.AddTo(sums, now, probe.UpSince);
        sums.Sort();
        var nodes = Nodes();
        var failing = Probes.FirstOrDefault(p => p.State == UpDown.Down && p.Error is not null);
        var evidence = new ServiceEvidence(Worst(""), Weighted(nodes), sums.PercentileMs(95), sums.Slower(options.DegradedResponseMs),
            sums.RegimeErrors, sums.RegimeCount, failing?.Error);
        var (status, reason) = ServiceVerdict.Decide(evidence, before.Status, options);
        return before with
        {
            Status = status,
            Reason = reason,
            Since = status == before.Status ? before.Since : now,
            Nodes = nodes,
            Circuit = Circuit(),
            P50Ms = sums.PercentileMs(50),
            P95Ms = sums.PercentileMs(95),
            P99Ms = sums.PercentileMs(99),
            ErrorRatePercent = Share(sums.Errors, sums.Count),
            ClientErrorPercent = Share(sums.ClientErrors, sums.Count),
            ServerErrorPercent = Share(sums.ServerErrors, sums.Count),
            AvailabilityPercent = Share(sums.Count - sums.Errors, sums.Count),
            ThroughputPerSecond = _throughput,
            Gauges = _gauges,
            LastSampleAt = Probes.Max(p => p.LastSampleAt) ?? before.LastSampleAt,
        };
    }

    private static double? Share(int part, int whole) => whole == 0 ? null : Math.Round(part * 100.0 / whole, 2);

    private ImmutableArray<NodeState> Nodes() =>
        [.. Service.Nodes.Select(n => new NodeState(n.Id, n.Address, n.Weight, Probes.Any(p => p.Spec.Node == n.Id) ? Worst(n.Id) : Worst("")))];

    // Nodes without probes of their own share the whole's verdict and must not count twice.
    private List<(int, HealthStatus)> Weighted(ImmutableArray<NodeState> nodes) =>
        [.. nodes.Where(n => Probes.Any(p => p.Spec.Node == n.Id)).Select(n => (n.Weight, n.Status))];

    /// <summary>Worst verdict of the probes that speak for a node; Healthy when none does.</summary>
    private HealthStatus Worst(string node)
    {
        var worst = HealthStatus.Healthy;
        foreach (var probe in Probes)
        {
            if (probe.Spec.Node != node)
                continue;
            if (probe.State == UpDown.Down)
                return HealthStatus.Failed;
            if (probe.State == UpDown.Unknown)
                worst = HealthStatus.Unknown;
        }
        return worst;
    }

    private CircuitState Circuit()
    {
        var circuit = CircuitState.Closed;
        foreach (var probe in Probes)
        {
            if (probe.Circuit == CircuitState.Open)
                return CircuitState.Open;
            if (probe.Circuit == CircuitState.HalfOpen)
                circuit = CircuitState.HalfOpen;
        }
        return circuit;
    }
}
