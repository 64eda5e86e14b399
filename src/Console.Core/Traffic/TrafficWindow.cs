namespace OpsConsole.Core.Traffic;

/// <summary>Differences of one traffic manager's counters over a sliding window.</summary>
public sealed class TrafficWindow(TimeSpan window)
{
    private readonly Queue<(DateTimeOffset At, IReadOnlyDictionary<string, RegionCounters> Counters)> _samples = new();

    /// <returns>requests and errors per region within the window; null until there are two samples</returns>
    public IReadOnlyDictionary<string, RegionCounters>? Next(DateTimeOffset at, IReadOnlyDictionary<string, RegionCounters> counters)
    {
        // A counter that went back means that the manager was restarted: what came before is another count.
        if (_samples.Count > 0 && _samples.Last().Counters.Any(c => counters.TryGetValue(c.Key, out var now) && now.Requests < c.Value.Requests))
            _samples.Clear();
        _samples.Enqueue((at, counters));
        while (_samples.Count > 2 && at - _samples.Peek().At > window)
            _samples.Dequeue();
        if (_samples.Count < 2)
            return null;
        var first = _samples.Peek().Counters;
        return counters.ToDictionary(c => c.Key, c =>
        {
            var before = first.GetValueOrDefault(c.Key, new RegionCounters(c.Key, 0, 0));
            return new RegionCounters(c.Key, c.Value.Requests - before.Requests, c.Value.Errors - before.Errors);
        });
    }

    /// <summary>Share of each region in percent; null values when there was no request at all.</summary>
    public static IReadOnlyDictionary<string, double?> Shares(IEnumerable<IReadOnlyDictionary<string, RegionCounters>> differences, IEnumerable<string> regions)
    {
        var requests = differences.SelectMany(d => d).GroupBy(d => d.Key).ToDictionary(g => g.Key, g => g.Sum(d => d.Value.Requests));
        var total = requests.Values.Sum();
        return regions.ToDictionary(r => r, r => total == 0 ? (double?)null : 100.0 * requests.GetValueOrDefault(r) / total);
    }
}
