using OpsConsole.Core.Audit;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Failover.Contingencies;

/// <summary>Tells people, once per occurrence, that a move should be looked at, and takes it back when the region serves well again. On
/// record (<c>failover.advised</c>), from where it reaches webhooks and mail, and among the components, where another observing node finds what was said.</summary>
public sealed class AdviceObserver(FleetModel fleet, IFleetFeed feed, ContingencyPlans plans, IFleetReducer reducer, IAuditLog audit, FailoverOptions options, TimeProvider time) : IObserver
{
    private readonly AdviceOptions _limits = options.Advice;

    public string Name => "move advice";

    private static string ComponentOf(ClusterOptions cluster) => $"move advice {cluster.Id}";

    public async Task RunAsync(CancellationToken cancel)
    {
        var runs = fleet.Options.Clusters.Where(c => c.Nodes.Count > 1).Select(c => (Cluster: c, Run: new AdviceRun(_limits.Looks, feed.Current.Components.GetValueOrDefault(ComponentOf(c))?.Status == HealthStatus.Degraded))).ToList();
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(_limits.IntervalSeconds), time);
        do
        {
            foreach (var (cluster, run) in runs)
            {
                var advice = MoveAdviceRules.Judge(cluster, feed.Current, plans.Latest, _limits, time.GetUtcNow());
                if (run.Turned(advice is not null) is not { } raised) continue;
                reducer.Component(ComponentOf(cluster), raised ? HealthStatus.Degraded : HealthStatus.Healthy, raised ? advice!.Words : "the primary's region serves within the limits again", time.GetUtcNow());
                await audit.AppendAsync(raised
                    ? new AuditDraft("system", "failover.advised", $"cluster:{cluster.Id}", advice!.Words, After: new { advice.Source, advice.Target })
                    : new AuditDraft("system", "failover.adviceOver", $"cluster:{cluster.Id}"), cancel);
            }
        }
        while (await timer.WaitForNextTickAsync(cancel));
    }
}

/// <summary>Several looks in a row before it turns, either way.</summary>
internal sealed class AdviceRun(int looks, bool raised)
{
    private bool _raised = raised;
    private int _against;

    /// <returns>the new state when it turned with this look, else null</returns>
    public bool? Turned(bool bad)
    {
        _against = bad == _raised ? 0 : _against + 1;
        if (_against < looks) return null;
        _against = 0;
        return _raised = bad;
    }
}
