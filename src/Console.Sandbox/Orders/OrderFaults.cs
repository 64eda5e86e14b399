namespace OpsConsole.Sandbox.Orders;

/// <summary>Faults that an experiment may switch on in the application.</summary>
/// <param name="ErrorPercent">Share of requests that fail with 500, 0 to 100.</param>
/// <param name="LatencyMs">Added to each request.</param>
public sealed record FaultSwitch(double ErrorPercent, double LatencyMs);

public sealed class OrderFaults(TimeProvider time)
{
    public FaultSwitch Current { get; set; } = new(0, 0);

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
