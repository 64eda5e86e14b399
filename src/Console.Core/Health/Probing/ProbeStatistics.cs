namespace OpsConsole.Core.Health.Probing;

/// <summary>Start lateness of probes, counted in 1 ms steps up to 1 s, so that its percentiles are exact to 1 ms.</summary>
public sealed class ProbeStatistics
{
    /// <summary>Marks that are kept: percentiles reach back to the oldest of them.</summary>
    public const int Marks = 6;

    private readonly long[] _lateness = new long[1001];
    private readonly Queue<long[]> _marks = []; // counts as they were; guarded by itself
    private long _started;
    private long _overlapped;
    private long _taken;

    /// <summary>Probes started.</summary>
    public long Count => Interlocked.Read(ref _started);

    /// <summary>Runs left out because the one before had not ended.</summary>
    public long Skipped => Interlocked.Read(ref _overlapped);

    public void Started(TimeSpan late)
    {
        Interlocked.Increment(ref _started);
        Interlocked.Increment(ref _lateness[(int)Math.Clamp(late.TotalMilliseconds, 0, 1000)]);
    }

    public void Overlapped() => Interlocked.Increment(ref _overlapped);

    /// <summary>Runs left out since the last call.</summary>
    public long TakeSkipped()
    {
        var skipped = Skipped;
        return skipped - Interlocked.Exchange(ref _taken, skipped);
    }

    /// <summary>Sets a mark. Set every 10 s, percentiles are those of the last minute: what was slow when the process began is not said for ever.</summary>
    public void Mark()
    {
        var counts = Counts();
        lock (_marks)
        {
            _marks.Enqueue(counts);
            if (_marks.Count > Marks) _marks.Dequeue();
        }
    }

    /// <summary>Upper bound of the lateness of that share of the starts since the oldest mark, in ms; 0 when nothing ran.</summary>
    public int LatenessMs(double percent)
    {
        var counts = Counts();
        lock (_marks)
        {
            if (_marks.TryPeek(out var since))
                for (var ms = 0; ms < counts.Length; ms++) counts[ms] -= since[ms];
        }
        var rank = (long)Math.Ceiling(counts.Sum() * percent / 100);
        long seen = 0;
        for (var ms = 0; ms < counts.Length; ms++)
        {
            seen += counts[ms];
            if (seen >= rank && rank > 0)
                return ms + 1;
        }
        return 0;
    }

    private long[] Counts() => Array.ConvertAll(Enumerable.Range(0, _lateness.Length).ToArray(), ms => Interlocked.Read(ref _lateness[ms]));
}
