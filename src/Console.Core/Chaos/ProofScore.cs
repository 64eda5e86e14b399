namespace OpsConsole.Core.Chaos;

/// <summary>What a proof is worth as it ages: passed 100, passed more than 30 days ago 75, failed 50, never run 0. For experiments and drills alike.</summary>
public static class ProofScore
{
    public static readonly TimeSpan Fresh = TimeSpan.FromDays(30);

    /// <summary>Only the newest counts.</summary>
    public static double Of(IEnumerable<(DateTimeOffset At, bool Passed)> proofs, DateTimeOffset now)
    {
        var newest = proofs.OrderByDescending(p => p.At).Select(p => ((DateTimeOffset At, bool Passed)?)p).FirstOrDefault();
        return newest is not { } proof ? 0 : !proof.Passed ? 50 : now - proof.At > Fresh ? 75 : 100;
    }

    /// <summary>Weighted mean, 0 to 100; null when there is nothing to prove.</summary>
    public static double? Mean(IEnumerable<(double Score, double Weight)> scores)
    {
        var all = scores.ToList();
        var weight = all.Sum(s => s.Weight);
        return weight <= 0 ? null : all.Sum(s => s.Score * s.Weight) / weight;
    }
}
