using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Failover.Readiness;

/// <summary>Judges every ordered pair of every cluster all the time, so that the answer is there before anybody asks. Looks often and
/// publishes what changed at once, the rest once per <see cref="FailoverOptions.ReadinessSeconds"/>.</summary>
public sealed class ReadinessObserver(FleetModel fleet, IFailoverFacts facts, IFleetReducer reducer, FailoverOptions options, TimeProvider time) : IObserver
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(2);

    public string Name => "failover readiness";

    public async Task RunAsync(CancellationToken cancel)
    {
        var every = TimeSpan.FromSeconds(options.ReadinessSeconds);
        var published = new Dictionary<string, ReadinessState>();
        using var timer = new PeriodicTimer(every < LongestPause ? every : LongestPause, time);
        do
        {
            foreach (var cluster in fleet.Options.Clusters)
            {
                var known = await facts.GatherAsync(cluster.Id, cancel);
                foreach (var ready in Pairs(cluster).Select(p => ReadinessRules.Judge(cluster.Id, p.Source, p.Target, known)))
                {
                    if (published.GetValueOrDefault(ready.Key) is { } last && Visible.SameFacts(last, ready) && ready.AsOf - last.AsOf < every) continue;
                    published[ready.Key] = ready;
                    reducer.Readiness(ready);
                }
            }
        }
        while (await timer.WaitForNextTickAsync(cancel));
    }

    private static IEnumerable<(string Source, string Target)> Pairs(ClusterOptions cluster) =>
        from source in cluster.Nodes from target in cluster.Nodes where source.Region != target.Region select (source.Region, target.Region);
}

/// <summary>One pair, from facts. Pure.</summary>
public static class ReadinessRules
{
    public static ReadinessState Judge(string cluster, string source, string target, PreflightFacts facts)
    {
        var request = new FailoverRequest(cluster, source, target, FailoverStrategy.Immediate, IsPlanned(facts.Picture.Clusters.GetValueOrDefault(cluster), source), FailoverScope.Full, [], []);
        var estimate = FailoverEstimate.Of(request, facts);
        return new ReadinessState(cluster, source, target, request.Planned, [.. FailoverPreflight.Evaluate(request, facts)],
            estimate.RtoSeconds, estimate.RpoSeconds, estimate.LostBytes, facts.LoadRps, facts.ClockSkewSeconds, facts.Now, 0);
    }

    /// <summary>A switchover while the primary serves; a failover when it does not, or is not seen.</summary>
    public static bool IsPlanned(ClusterState? state, string source) => state?.PrimaryRegion is { } primary && !(primary == source && state.WriteAvailable == false);
}
