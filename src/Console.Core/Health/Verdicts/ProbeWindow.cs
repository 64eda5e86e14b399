namespace OpsConsole.Core.Health.Verdicts;

/// <summary>The last minutes of one probe, sample by sample in a ring: exact percentiles, and 16 bytes a sample (half a kilobyte
/// for a probe each 10 s).</summary>
internal sealed class ProbeWindow
{
    private const int Most = 1200; // 250 ms over 5 min

    private readonly Entry[] _ring;
    private readonly long _lengthMs;
    private int _next;
    private int _count;

    public ProbeWindow(TimeSpan length, TimeSpan interval)
    {
        _lengthMs = (long)length.TotalMilliseconds;
        _ring = new Entry[Math.Clamp((int)(length / interval) + 2, 8, Most)];
    }

    public void Add(ProbeSample sample)
    {
        _ring[_next] = new Entry(sample.At.ToUnixTimeMilliseconds(), sample.DurationMicros, sample.Outcome);
        _next = (_next + 1) % _ring.Length;
        _count = Math.Min(_count + 1, _ring.Length);
    }

    /// <summary>Adds what lies in the window that ends at <paramref name="now"/> to <paramref name="sums"/>.</summary>
    /// <param name="regime">samples since this moment also count into the present regime (since the last recovery)</param>
    public void AddTo(WindowSums sums, DateTimeOffset now, DateTimeOffset regime)
    {
        var from = now.ToUnixTimeMilliseconds() - _lengthMs;
        var regimeFrom = regime.ToUnixTimeMilliseconds();
        for (var i = 1; i <= _count; i++)
        {
            ref readonly var entry = ref _ring[(_next - i + _ring.Length) % _ring.Length];
            if (entry.AtMs < from)
                break;
            sums.Add(entry.Micros, entry.Outcome, entry.AtMs >= regimeFrom);
        }
    }

    private readonly record struct Entry(long AtMs, int Micros, ProbeOutcome Outcome);
}

/// <summary>Sums over the windows of a service's probes; one instance is used again and again.</summary>
internal sealed class WindowSums
{
    private int[] _micros = new int[64];
    private int _answered;

    public int Count { get; private set; }
    public int Errors { get; private set; }
    public int ClientErrors { get; private set; }
    public int ServerErrors { get; private set; }
    public int RegimeCount { get; private set; }
    public int RegimeErrors { get; private set; }

    public void Clear() => Count = Errors = ClientErrors = ServerErrors = RegimeCount = RegimeErrors = _answered = 0;

    public void Add(int micros, ProbeOutcome outcome, bool inRegime)
    {
        Count++;
        var error = outcome != ProbeOutcome.Success;
        if (error)
            Errors++;
        if (outcome == ProbeOutcome.ClientError)
            ClientErrors++;
        if (outcome == ProbeOutcome.ServerError)
            ServerErrors++;
        if (inRegime)
        {
            RegimeCount++;
            if (error)
                RegimeErrors++;
        }
        // What was refused or timed out has no response time.
        if (outcome is ProbeOutcome.Failure or ProbeOutcome.Timeout)
            return;
        if (_answered == _micros.Length)
            Array.Resize(ref _micros, _micros.Length * 2);
        _micros[_answered++] = micros;
    }

    /// <summary>Sorts the response times; call once before <see cref="PercentileMs"/>.</summary>
    public void Sort() => _micros.AsSpan(0, _answered).Sort();

    /// <summary>Nearest rank, in ms, to 0.1 ms; null without an answer.</summary>
    public double? PercentileMs(double percent) =>
        _answered == 0 ? null : Math.Round(_micros[Math.Max(0, (int)Math.Ceiling(percent / 100 * _answered) - 1)] / 1000.0, 1);

    /// <summary>How many answers took longer.</summary>
    public int Slower(double milliseconds)
    {
        var slower = 0;
        for (var i = _answered - 1; i >= 0 && _micros[i] > milliseconds * 1000; i--)
            slower++;
        return slower;
    }
}
