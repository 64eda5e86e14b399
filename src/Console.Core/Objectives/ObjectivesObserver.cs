using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health;
using OpsConsole.Core.Health.Probing;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Objectives;

/// <summary>Records what counts as up (OB-4), and keeps the estimate of the recovery time in the picture.</summary>
public sealed class ObjectivesObserver(FleetModel fleet, ProbePlan plan, IFleetFeed feed, IFleetReducer reducer, IMetricSink metrics, ProvenRecoveries proven, TimeProvider time) : IObserver
{
    public string Name => "objectives";

    public async Task RunAsync(CancellationToken cancel)
    {
        using var timer = new PeriodicTimer(BudgetMath.RecordEvery, time);
        while (await timer.WaitForNextTickAsync(cancel))
            Observe();
    }

    private void Observe()
    {
        var now = time.GetUtcNow();
        foreach (var (name, up) in AvailabilityRule.Of(feed.Current))
            if (up is { } known)
                metrics.Record($"objective:{name}:available", now, known ? 1 : 0);
        foreach (var cluster in fleet.Options.Clusters)
            reducer.Cluster(cluster.Id, state =>
            {
                var estimate = RtoEstimate.Of(cluster, state.PrimaryRegion, plan, proven.Of(cluster.Id), proven.RestoreOf(cluster.Id), state);
                return state with { RtoEstimateSeconds = estimate.Seconds, RtoSource = estimate.Source };
            });
    }
}
