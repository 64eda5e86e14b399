namespace OpsConsole.Core.Health.Probing;

/// <summary>Start lateness of probes, counted in 1 ms steps up to 1 s, so that its percentiles are exact to 1 ms.</summary>
public sealed class ProbeStatistics
{
    private readonly long[] _lateness = new long[1001];
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

    /// <summary>Upper bound of the lateness of that share of starts, in ms; 0 when nothing ran.</summary>
    public int LatenessMs(double percent)
    {
        var rank = (long)Math.Ceiling(Count * percent / 100);
        long seen = 0;
        for (var ms = 0; ms < _lateness.Length; ms++)
        {
            seen += Interlocked.Read(ref _lateness[ms]);
            if (seen >= rank && rank > 0)
                return ms + 1;
        }
        return 0;
    }
}
