namespace OpsConsole.Core.Chaos;

/// <param name="Percent">weighted mean of the experiments' proofs: critical 4, high 3, medium 2, low 1</param>
/// <param name="Proven">experiments with a proof worth 75 or more, of <paramref name="Of"/></param>
public sealed record ResiliencePoint(DateTimeOffset At, double Percent, int Proven, int Of);

/// <summary>The resilience score (CH-5): how well the library is proven on this fleet, and how that came about.</summary>
public static class Resilience
{
    public static ResiliencePoint At(DateTimeOffset moment, IReadOnlyCollection<Experiment> experiments, IReadOnlyCollection<ExperimentResult> results)
    {
        var scores = experiments.Select(e => (Score: ProofScore.Of(results.Where(r => r.Experiment == e.Id && r.At <= moment).Select(r => (r.At, r.Passed)), moment), Weight: (double)e.Severity + 1)).ToList();
        return new ResiliencePoint(moment, Math.Round(ProofScore.Mean(scores) ?? 0, 1), scores.Count(s => s.Score >= 75), scores.Count);
    }

    /// <summary>After each result, oldest first, and now.</summary>
    public static IReadOnlyList<ResiliencePoint> Trend(DateTimeOffset now, IReadOnlyCollection<Experiment> experiments, IReadOnlyCollection<ExperimentResult> results, int points = 60) =>
        [.. results.Select(r => r.At).Order().TakeLast(points - 1).Append(now).Select(at => At(at, experiments, results))];
}
