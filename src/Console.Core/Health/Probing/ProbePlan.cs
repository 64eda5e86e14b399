using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Health.Probing;

/// <summary>One thing to probe, with everything decided: defaults of the kind applied (HE-1), target chosen, id given.</summary>
/// <param name="Index">position in <see cref="ProbePlan.Probes"/>; samples carry it</param>
/// <param name="Key">stable over restarts: its hash gives the phase, storage knows the probe by it</param>
/// <param name="Node">node it speaks for; empty: the service as a whole</param>
public sealed record ProbeSpec(
    int Index, string Key, string Service, string Node, ProbeKind Kind, string Target, TimeSpan Interval, TimeSpan Timeout,
    int FailureThreshold, int SuccessThreshold, ProbeOptions Options);

/// <summary>All probes of a fleet, in order of declaration.</summary>
public sealed class ProbePlan
{
    private ProbePlan(IReadOnlyList<ProbeSpec> probes) => Probes = probes;

    public IReadOnlyList<ProbeSpec> Probes { get; }

    public static ProbePlan From(FleetModel fleet)
    {
        var probes = new List<ProbeSpec>();
        var keys = new Dictionary<string, int>(StringComparer.Ordinal);
        foreach (var service in fleet.Options.Services)
            foreach (var probe in service.Probes)
                probes.Add(Spec(probes.Count, service, probe, fleet.Options.ProbeIntervalSeconds, keys));
        return new ProbePlan(probes);
    }

    private static ProbeSpec Spec(int index, ServiceOptions service, ProbeOptions probe, double? fleetInterval, Dictionary<string, int> keys)
    {
        var defaults = ProbeDefaults.Of(probe.Kind, service.Kind);
        var interval = probe.IntervalSeconds ?? fleetInterval ?? defaults.IntervalSeconds;
        // A default time-out never outlasts the interval: with a fleet probed each second a hung target must cost one sample, not five.
        var timeout = probe.TimeoutSeconds ?? Math.Min(defaults.TimeoutSeconds, Math.Max(interval, 0.25));
        var key = string.Join('/', service.Id, probe.Kind.ToString().ToLowerInvariant(), probe.Node, TargetOf(service, probe), probe.Resource);
        var twins = keys[key] = keys.GetValueOrDefault(key) + 1;
        return new ProbeSpec(index, twins == 1 ? key : $"{key}#{twins}", service.Id, probe.Node, probe.Kind, TargetOf(service, probe),
            TimeSpan.FromSeconds(interval), TimeSpan.FromSeconds(timeout), probe.FailureThreshold ?? defaults.Failures, probe.SuccessThreshold, probe);
    }

    private static string TargetOf(ServiceOptions service, ProbeOptions probe)
    {
        if (probe.Target.Length > 0)
            return probe.Target;
        var node = service.Nodes.FirstOrDefault(n => n.Id == probe.Node) ?? service.Nodes.FirstOrDefault();
        return node?.Address ?? (probe.Steps.Count > 0 ? probe.Steps[0].Url : "");
    }
}
