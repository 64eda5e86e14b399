namespace OpsConsole.Core.Failover;

/// <summary>How traffic moves (FO-1). Shares are shares of the HTTP traffic; the database has one primary and moves once, at a named step.</summary>
public enum FailoverStrategy
{
    /// <summary>All at once. Advised for critical outages.</summary>
    Immediate,
    /// <summary>10, 25, 50, 75, 100 %, health watched between shifts. Advised for planned maintenance.</summary>
    Gradual,
    /// <summary>5 %, metrics validated, then gradual. Advised when uncertain.</summary>
    Canary,
    /// <summary>Two complete environments, one instant cutover, easy way back. Advised for major updates.</summary>
    BlueGreen,
}

public enum FailoverScope
{
    /// <summary>Database and all application traffic of the source region.</summary>
    Full,
    /// <summary>Chosen services only; the database moves if it is among them.</summary>
    Partial,
    /// <summary>Service by service, in dependency order.</summary>
    Rolling,
}

/// <param name="Planned">A switchover: no loss, the source is alive. Otherwise a failover: the source is fenced and what it did not send is lost.</param>
/// <param name="Services">For a partial scope: ids of the services that move; otherwise empty.</param>
/// <param name="RestoreWeights">Set when an earlier move is taken back: the HTTP weights from before it, by region.</param>
/// <param name="Overrides">Ids of blocking checks that are overridden: two approvers and a reason (FO-2).</param>
/// <param name="MaxLostBytes">With the check no-loss overridden: the most that the source may have written beyond what is promoted. More, or an unknown loss, and it turns back before
/// the promotion. Null: no bound.</param>
public sealed record FailoverRequest(
    string Cluster, string Source, string Target, FailoverStrategy Strategy, bool Planned,
    FailoverScope Scope, IReadOnlyList<string> Services, IReadOnlyList<string> Overrides, IReadOnlyDictionary<string, int>? RestoreWeights = null, long? MaxLostBytes = null);

/// <summary>Shares of the HTTP traffic, in percent, that the target receives step after step.</summary>
public static class TrafficShares
{
    public static IReadOnlyList<int> Of(FailoverStrategy strategy) => strategy switch
    {
        FailoverStrategy.Immediate or FailoverStrategy.BlueGreen => [100],
        FailoverStrategy.Gradual => [10, 25, 50, 75, 100],
        FailoverStrategy.Canary => [5, 10, 25, 50, 75, 100],
        _ => throw new ArgumentOutOfRangeException(nameof(strategy), strategy, "Unknown strategy."),
    };
}
