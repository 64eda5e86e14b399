using Microsoft.Extensions.Options;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health;
using OpsConsole.Core.Health.Probing;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Tests.Health;

/// <summary>A small fleet and the parts around the reducer, with lists where the real ones store.</summary>
internal sealed class ProbedFleet
{
    public static FleetOptions Options(double intervalSeconds = 1, params (string Id, ServiceTier Tier)[] services)
    {
        var fleet = new FleetOptions { Name = "test", ProbeIntervalSeconds = intervalSeconds };
        fleet.Regions.Add(new RegionOptions { Id = "east", Name = "East" });
        fleet.Clusters.Add(new ClusterOptions { Id = "orders" });
        foreach (var (id, tier) in services)
            fleet.Services.Add(new ServiceOptions { Id = id, Region = "east", Kind = ServiceKind.Api, Tier = tier, Probes = { new ProbeOptions { Kind = ProbeKind.Http, Target = $"http://127.0.0.1:1/{id}" } } });
        return fleet;
    }

    public static IOptions<ObservationOptions> Settings(Action<ObservationOptions>? change = null)
    {
        var options = new ObservationOptions();
        change?.Invoke(options);
        return Microsoft.Extensions.Options.Options.Create(options);
    }
}

internal sealed class RecordingSinks : IMetricSink, ITransitionLog, IProbeSink
{
    public List<(string Series, double Value)> Metrics { get; } = [];
    public List<Transition> Transitions { get; } = [];
    public List<ProbeSample> Samples { get; } = [];

    public void Record(string series, DateTimeOffset at, double value)
    {
        lock (Metrics)
            Metrics.Add((series, value));
    }

    public void Record(Transition transition)
    {
        lock (Transitions)
            Transitions.Add(transition);
    }

    public void Record(ProbeSample sample)
    {
        lock (Samples)
            Samples.Add(sample);
    }
}
