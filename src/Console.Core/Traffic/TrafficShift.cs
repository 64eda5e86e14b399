namespace OpsConsole.Core.Traffic;

/// <summary>Weights that move a part of one region's HTTP traffic to another. Pure.</summary>
public static class TrafficShift
{
    public const int HighestWeight = 256;

    /// <param name="start">weights before the first shift; where nobody has any, <paramref name="source"/> counts as having all</param>
    /// <param name="percent">share of <paramref name="source"/>'s traffic that goes to <paramref name="target"/>, 0 to 100</param>
    /// <returns>weights of all regions, scaled where a weight would pass 256</returns>
    public static IReadOnlyDictionary<string, int> Weights(IReadOnlyDictionary<string, int> start, string source, string target, double percent)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(percent, 0);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(percent, 100);
        // A pool without any weight serves nobody, and no share of nothing would ever reach the target.
        if (start.Count > 0 && start.Values.All(w => w <= 0)) start = start.ToDictionary(w => w.Key, w => w.Key == source ? HighestWeight : 0);
        var moved = start.GetValueOrDefault(source) * percent / 100;
        var wanted = start.ToDictionary(w => w.Key, w => w.Key == source ? w.Value - moved : w.Key == target ? w.Value + moved : w.Value);
        var scale = Math.Min(1, HighestWeight / Math.Max(1, wanted.Values.Max()));
        // Whoever has a share keeps at least one: rounding takes nobody out.
        return wanted.ToDictionary(w => w.Key, w => w.Value <= 0 ? 0 : Math.Max(1, (int)Math.Round(w.Value * scale)));
    }

    /// <summary>Expected share of the fleet's traffic by region, in percent.</summary>
    public static IReadOnlyDictionary<string, double> Shares(IReadOnlyDictionary<string, int> weights)
    {
        double sum = Math.Max(1, weights.Values.Sum());
        return weights.ToDictionary(w => w.Key, w => 100 * w.Value / sum);
    }
}
