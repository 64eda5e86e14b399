namespace OpsConsole.Core.Failover;

/// <summary>What a situation looks like to somebody who must choose how to move (FO-1, FO-9).</summary>
public sealed record Situation(bool SourceServes, bool TargetHealthy, bool LagWithinRpo, bool MajorUpdate, bool CausesKnown);

public sealed record Advice(FailoverStrategy Strategy, bool Planned, IReadOnlyList<string> Reasons);

/// <summary>Recommends a strategy and says why. Advice only: a person or a standing approval decides.</summary>
public static class StrategyAdvisor
{
    public static Advice Recommend(Situation situation)
    {
        if (!situation.SourceServes)
        {
            return new Advice(FailoverStrategy.Immediate, Planned: false,
                ["Clients are without service: every second of a slower strategy is downtime.",
                 situation.LagWithinRpo ? "The target is within the recovery point objective." : "The target lags: the plan quotes the possible loss before anyone signs."]);
        }
        if (situation.MajorUpdate)
            return new Advice(FailoverStrategy.BlueGreen, Planned: true, ["Both environments stay complete: one cutover, one way back."]);
        if (!situation.CausesKnown || !situation.TargetHealthy)
        {
            return new Advice(FailoverStrategy.Canary, Planned: true,
                [situation.TargetHealthy ? "It is not certain how the target behaves under this load: 5 % shows it first." : "The target is not fully healthy: 5 % shows whether it carries traffic."]);
        }
        return new Advice(FailoverStrategy.Gradual, Planned: true, ["The source serves and nothing hurries: shift in steps and watch each."]);
    }
}
