using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health;
using OpsConsole.Core.Health.Probing;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Objectives;

/// <summary>Targets against what is measured: from the live picture, and from history for the budgets.</summary>
public sealed class ObjectivesReader(FleetModel fleet, ProbePlan plan, IFleetFeed feed, IHistory history, ProvenRecoveries proven, TimeProvider time) : IObjectives, IDisposable
{
    private const int MaxPoints = 5000;
    private static readonly TimeSpan BudgetsStay = TimeSpan.FromSeconds(15);

    private readonly SemaphoreSlim _one = new(1);
    private IReadOnlyList<ErrorBudget>? _budgets;
    private DateTimeOffset _budgetsAt;

    public void Dispose() => _one.Dispose();

    public IReadOnlyList<ClusterObjectives> Current()
    {
        var picture = feed.Current;
        return [.. fleet.Options.Clusters.Select(c => Of(c, picture.Clusters.GetValueOrDefault(c.Id)))];
    }

    private ClusterObjectives Of(ClusterOptions cluster, ClusterState? state)
    {
        var rto = ObjectiveTargets.Rto(cluster.RtoSeconds, cluster.Tier);
        var rpo = ObjectiveTargets.Rpo(cluster.RpoSeconds, cluster.Tier);
        var proof = proven.Of(cluster.Id);
        var estimate = RtoEstimate.Of(cluster, state?.PrimaryRegion, plan, proof, proven.RestoreOf(cluster.Id), state);
        return new ClusterObjectives(
            cluster.Id, cluster.Tier,
            new ObjectiveValue(rto.Seconds, rto.Source, estimate.Seconds, estimate.Source, proof?.RtoSeconds, proof?.At) { ProvenFrom = proof?.From ?? "" },
            new ObjectiveValue(rpo.Seconds, rpo.Source, state?.RpoSeconds, RpoSource(cluster, state), proof?.RpoSeconds, proof?.RpoSeconds is null ? null : proof.At) { ProvenFrom = proof?.RpoSeconds is null ? "" : proof.From },
            state?.NewestRestorableAt);
    }

    private static string RpoSource(ClusterOptions cluster, ClusterState? state) =>
        !cluster.Heartbeat.Enabled ? "unknown: heartbeats are off"
        : state?.RpoSeconds is null ? "unknown: no standby has shown a heartbeat yet"
        : "measured: acknowledged heartbeats that the best standby does not hold";

    public async Task<IReadOnlyList<ErrorBudget>> ErrorBudgetsAsync(CancellationToken cancel = default)
    {
        await _one.WaitAsync(cancel); // many pages, one question to the database
        try
        {
            var now = time.GetUtcNow();
            if (_budgets is null || now - _budgetsAt > BudgetsStay)
                (_budgets, _budgetsAt) = (await ReadBudgetsAsync(now, cancel), now);
            return _budgets;
        }
        finally
        {
            _one.Release();
        }
    }

    private async Task<IReadOnlyList<ErrorBudget>> ReadBudgetsAsync(DateTimeOffset now, CancellationToken cancel)
    {
        var keys = BudgetMath.Targets.Select(t => t.Name).ToList();
        var series = await history.ReadAsync(new HistoryQuery(HistoryMetric.ObjectiveAvailability, keys, BudgetMath.Month(now).From, now, MaxPoints), cancel);
        var points = series.ToDictionary(s => s.Key, s => s.Points);
        return [.. BudgetMath.Targets.Select(t => BudgetMath.Of(t.Name, t.TargetPercent, points.GetValueOrDefault(t.Name) ?? [], now))];
    }
}
