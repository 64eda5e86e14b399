namespace OpsConsole.Sandbox.Orders;

/// <summary>Faults that an experiment may switch on in the application.</summary>
/// <param name="ErrorPercent">Share of requests that fail with 500, 0 to 100.</param>
/// <param name="LatencyMs">Added to each request.</param>
/// <param name="Tag">Who switched it on, in the words of whoever did.</param>
/// <param name="Seconds">It lets go by itself after so long; 0: never.</param>
public sealed record FaultSwitch(double ErrorPercent, double LatencyMs, string? Tag = null, double Seconds = 0);

public sealed class OrderFaults(TimeProvider time)
{
    private static readonly FaultSwitch Off = new(0, 0);
    private volatile Setting _set = new(Off, 0);

    public FaultSwitch Current
    {
        get
        {
            var (wanted, since) = _set;
            return wanted.Seconds > 0 && time.GetElapsedTime(since).TotalSeconds >= wanted.Seconds ? Off : wanted;
        }
        set => _set = new Setting(value, time.GetTimestamp());
    }

    private sealed record Setting(FaultSwitch Switch, long Since);

    public async Task ApplyAsync(CancellationToken cancel)
    {
        var now = Current;
        if (now.LatencyMs > 0)
        {
            await Task.Delay(TimeSpan.FromMilliseconds(now.LatencyMs), time, cancel);
        }
        if (Random.Shared.NextDouble() * 100 < now.ErrorPercent)
        {
            throw new FaultException();
        }
    }
}

public sealed class FaultException() : Exception("A fault was switched on.");
