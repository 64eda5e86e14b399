using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health.Probing;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Health.Verdicts;

/// <summary>The verdicts on all services and regions. Used by the reducer's reader only; made anew when a node starts to observe.</summary>
internal sealed class FleetHealth
{
    // A region's status that drifts with the figures alone must hold for so many evaluations (about as many seconds).
    private const int FiguresInARow = 3;

    private readonly ObservationOptions _options;
    private readonly ProbeVerdict[] _probes;
    private readonly Dictionary<string, ServiceHealth> _services = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (HealthStatus Status, int Times)> _drifting = new(StringComparer.Ordinal);
    private readonly WindowSums _sums = new();

    public FleetHealth(FleetModel fleet, ProbePlan plan, ObservationOptions options, DateTimeOffset now)
    {
        _options = options;
        var window = TimeSpan.FromSeconds(options.WindowSeconds);
        _probes = [.. plan.Probes.Select(p => new ProbeVerdict(p, window, now.AddSeconds(options.StartGraceSeconds)))];
        var byService = _probes.ToLookup(p => p.Spec.Service);
        foreach (var service in fleet.Options.Services)
            _services[service.Id] = new ServiceHealth(service, [.. byService[service.Id]], now);
    }

    public IEnumerable<ServiceHealth> Services => _services.Values;

    public ServiceHealth? Find(string service) => _services.GetValueOrDefault(service);

    /// <summary>Takes a sample in.</summary>
    /// <returns>the service, and whether its verdict must be looked at now</returns>
    public (ServiceHealth Service, bool Changed) Add(ProbeSample sample)
    {
        var probe = _probes[sample.Probe];
        var service = _services[probe.Spec.Service];
        if (sample.Gauges is not null)
            foreach (var (name, value) in sample.Gauges)
                service.Gauge(name, value);
        return (service, probe.Add(sample));
    }

    /// <summary>Takes a stored sample into the window only: it is too old to say how things are.</summary>
    public void Remember(ProbeSample sample) => _probes[sample.Probe].Window.Add(sample);

    public ServiceState Evaluate(ServiceHealth service, ServiceState before, DateTimeOffset now) => service.Evaluate(before, now, _options, _sums);

    /// <param name="verdictChanged">a service's verdict changed (and was damped by that): the region's status follows at once</param>
    public RegionState Evaluate(RegionState before, IEnumerable<ServiceState> services, bool verdictChanged, DateTimeOffset now)
    {
        var shares = new List<ServiceShare>();
        DateTimeOffset? newest = null;
        foreach (var service in services)
        {
            if (_services[service.Id].Probes.Count == 0)
                continue;
            shares.Add(new ServiceShare(service.Id, service.Tier, service.Status, service.AvailabilityPercent));
            if (newest is null || service.LastSampleAt > newest)
                newest = service.LastSampleAt;
        }
        var (status, availability, reason) = RegionVerdict.Decide(shares);
        if (!verdictChanged)
            status = Damp(before, status);
        else
            _drifting.Remove(before.Id);
        return before with
        {
            Status = status,
            AvailabilityPercent = availability,
            Reason = reason,
            LastSampleAt = newest,
            Since = status == before.Status ? before.Since : now,
        };
    }

    private HealthStatus Damp(RegionState before, HealthStatus status)
    {
        if (status == before.Status)
        {
            _drifting.Remove(before.Id);
            return status;
        }
        var (candidate, times) = _drifting.GetValueOrDefault(before.Id);
        times = candidate == status ? times + 1 : 1;
        _drifting[before.Id] = (status, times);
        return times >= FiguresInARow ? status : before.Status;
    }
}
