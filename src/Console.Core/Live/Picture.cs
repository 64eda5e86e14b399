using System.Collections.Immutable;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health;
using OpsConsole.Core.Health.Probing;
using OpsConsole.Core.Health.Verdicts;

namespace OpsConsole.Core.Live;

/// <summary>The working picture behind <see cref="FleetState"/>; only its reader touches it.</summary>
internal sealed class Picture
{
    private static readonly TimeSpan AvailabilityRecording = TimeSpan.FromSeconds(5);

    private readonly FleetHealth _health;
    private readonly TimeProvider _time;
    private readonly IMetricSink _metrics;
    private readonly ITransitionLog _transitions;
    private readonly Slice<RegionState> _regions = new(Visible.SameFacts, Visible.SameFigures, (r, v) => r with { Version = v });
    private readonly Slice<ServiceState> _services = new(Visible.SameFacts, Visible.SameFigures, (s, v) => s with { Version = v });
    private readonly Slice<ClusterState> _clusters = new(Visible.SameFacts, Visible.SameFigures, (c, v) => c with { Version = v });
    private readonly Slice<LinkState> _links = new(Visible.SameFacts, Visible.SameFigures, (l, v) => l with { Version = v });
    private readonly Slice<LatencyState> _latencies = new(Visible.SameFacts, Visible.SameFigures, (l, v) => l with { Version = v });
    private readonly Slice<ComponentState> _components = new(Visible.SameFacts, Visible.SameFigures, (c, v) => c with { Version = v });
    private readonly Slice<ReadinessState> _readiness = new(Visible.SameFacts, Visible.SameFigures, (r, v) => r with { Version = v });
    private readonly ILookup<string, string> _servicesOf;
    private readonly HashSet<ServiceHealth> _touched = [];
    private readonly HashSet<ServiceHealth> _urgent = [];
    private readonly List<string> _removedLinks = [];
    private readonly long _epoch;
    private bool _tick;
    private bool _first = true;
    private DateTimeOffset _recorded;

    public Picture(FleetModel fleet, ProbePlan plan, ObservationOptions options, FleetSnapshot last, long epoch, TimeProvider time, IMetricSink metrics, ITransitionLog transitions)
    {
        _time = time;
        _metrics = metrics;
        _transitions = transitions;
        _epoch = epoch;
        var now = time.GetUtcNow();
        _health = new FleetHealth(fleet, plan, options, now);
        _servicesOf = fleet.Options.Services.ToLookup(s => s.Region, s => s.Id);
        Published = last with { Epoch = epoch, Sequence = 0, At = now };
        _regions.Load(last.Regions.Values);
        _services.Load(last.Services.Values);
        _clusters.Load(last.Clusters.Values);
        _links.Load(last.Links.Values);
        _latencies.Load(last.Latencies.Values);
        _components.Load(last.Components.Values);
        _readiness.Load(last.Readiness.Values);
        foreach (var service in _health.Services)
        {
            if (_services.Find(service.Service.Id) is { } known)
                service.Seed(known);
            else
                _services.Set(ServiceHealth.Unknown(service.Service, now));
        }
        foreach (var region in fleet.Options.Regions.Where(r => _regions.Find(r.Id) is null))
            _regions.Set(new RegionState(region.Id, region.Role, HealthStatus.Unknown, null, null, null, now, "not sampled yet", 0));
        foreach (var cluster in fleet.Options.Clusters.Where(c => _clusters.Find(c.Id) is null))
            _clusters.Set(UnknownCluster(cluster.Id));
    }

    public FleetSnapshot Published { get; private set; }

    public void Probed(ProbeSample sample)
    {
        var (service, changed) = _health.Add(sample);
        (changed ? _urgent : _touched).Add(service);
        if (sample.Gauges is null)
            return;
        foreach (var (name, value) in sample.Gauges)
            _metrics.Record($"service:{service.Service.Id}:gauge:{name}", sample.At, value);
    }

    public void Remember(IReadOnlyList<ProbeSample> samples)
    {
        foreach (var sample in samples)
            _health.Remember(sample);
    }

    public void ResetCircuit(string service)
    {
        if (_health.Find(service) is not { } health)
            return;
        foreach (var probe in health.Probes)
            if (probe.State == UpDown.Down)
                probe.Reset();
        _urgent.Add(health);
    }

    public void Cluster(string id, Func<ClusterState, ClusterState> change)
    {
        if (_clusters.Find(id) is { } cluster)
            _clusters.Set(change(cluster));
    }

    public void Link(string cluster, string source, string target, Func<LinkState, LinkState> change)
    {
        var key = LinkState.KeyOf(cluster, source, target);
        _removedLinks.Remove(key);
        _links.Set(change(_links.Find(key) ?? new LinkState(cluster, source, target, HealthStatus.Unknown, "disconnected", null, null, null, null, null, null, "not seen yet", 0)));
    }

    public void RemoveLink(string key)
    {
        if (_links.Remove(key) && Published.Links.ContainsKey(key))
            _removedLinks.Add(key);
    }

    public void Latency(LatencyState latency) => _latencies.Set(latency);

    public void TrafficShare(string region, double? percent)
    {
        if (_regions.Find(region) is { } state)
            _regions.Set(state with { TrafficPercent = percent is { } p ? Math.Round(p, 1) : null });
    }

    public void Gauge(string service, string name, double value)
    {
        if (_health.Find(service) is not { } health)
            return;
        health.Gauge(name, value);
        _touched.Add(health);
    }

    public void Component(ComponentState component) => _components.Set(component);

    public void Readiness(ReadinessState readiness) => _readiness.Set(readiness);

    public void Tick() => _tick = true;

    /// <summary>The next picture and what leads to it; null when nothing visible changed.</summary>
    public ChangeBatch? Next()
    {
        var now = _time.GetUtcNow();
        Evaluate(now);
        var changed = ImmutableArray.CreateBuilder<ILiveEntity>();
        var next = Published with
        {
            Regions = _regions.Publish(Published.Regions, _tick, (before, r) => Note("region", before?.Status, r.Status, r, r.Reason, changed, now)),
            Services = _services.Publish(Published.Services, _tick, (before, s) => Note("service", before?.Status, s.Status, s, s.Reason, changed, now)),
            Clusters = _clusters.Publish(Published.Clusters, _tick, (before, c) => Note("cluster", before?.Status, c.Status, c, c.Reason, changed, now)),
            Links = _links.Publish(Published.Links.RemoveRange(_removedLinks), _tick, (before, l) => Note("link", before?.Status, l.Status, l, l.Reason, changed, now)),
            Latencies = _latencies.Publish(Published.Latencies, _tick, (_, l) => changed.Add(l)),
            Components = _components.Publish(Published.Components, _tick, (before, c) => Note("component", before?.Status, c.Status, c, c.Detail, changed, now)),
            Readiness = _readiness.Publish(Published.Readiness, _tick, (_, r) => changed.Add(r)),
        };
        _tick = false;
        if (changed.Count == 0 && _removedLinks.Count == 0 && !_first)
            return null;
        var overall = OverallVerdict.Decide(next.Regions.Values.Select(r => r.Status), next.Clusters.Values.Select(c => c.Status),
            next.Links.Values.Select(l => l.Status), next.Components.Values.Select(c => c.Status));
        Published = next with { Sequence = Published.Sequence + 1, At = now, Overall = overall };
        var batch = new ChangeBatch(_epoch, Published.Sequence, now, overall, _first ? Snapshots.Entities(Published) : changed.ToImmutable()) { RemovedLinks = [.. _removedLinks] };
        _removedLinks.Clear();
        _first = false;
        return batch;
    }

    private void Evaluate(DateTimeOffset now)
    {
        if (_tick)
        {
            foreach (var service in _health.Services)
                if (service.GoneStale(now))
                    _urgent.Add(service);
            _urgent.UnionWith(_touched);
            _touched.Clear();
        }
        if (_urgent.Count == 0)
            return;
        var regions = new Dictionary<string, bool>(StringComparer.Ordinal);
        foreach (var service in _urgent)
        {
            var before = _services.Find(service.Service.Id)!;
            var after = _health.Evaluate(service, before, now);
            _services.Set(after);
            regions[after.Region] = regions.GetValueOrDefault(after.Region) | (after.Status != before.Status);
        }
        _urgent.Clear();
        foreach (var (region, verdictChanged) in regions)
            if ((_tick || verdictChanged) && _regions.Find(region) is { } state)
                _regions.Set(_health.Evaluate(state, _servicesOf[region].Select(s => _services.Find(s)!), verdictChanged, now));
        RecordAvailability(now);
    }

    private void RecordAvailability(DateTimeOffset now)
    {
        if (now - _recorded < AvailabilityRecording)
            return;
        _recorded = now;
        foreach (var region in _regions.Working.Values)
            if (region.AvailabilityPercent is { } percent)
                _metrics.Record($"region:{region.Id}:availability", now, percent);
    }

    private void Note(string kind, HealthStatus? before, HealthStatus after, ILiveEntity entity, string reason, ImmutableArray<ILiveEntity>.Builder changed, DateTimeOffset now)
    {
        changed.Add(entity);
        if (before is { } from && from != after)
            _transitions.Record(new Transition(now, kind, entity.Key, from, after, reason));
    }

    private static ClusterState UnknownCluster(string id) => new(
        id, HealthStatus.Unknown, null, null, null, null, null, null, null, "not yet known", null, [], [], [], "not seen yet", 0);
}
