namespace OpsConsole.Core.Health.Probing;

/// <summary>What one run of a probe found. The engine adds probe and start time.</summary>
/// <param name="DurationMicros">as the kind defines response time (docs of each kind), in µs</param>
public readonly record struct ProbeResult(
    ProbeOutcome Outcome, int DurationMicros, short StatusCode = 0, string? Error = null, IReadOnlyList<KeyValuePair<string, double>>? Gauges = null)
{
    public static ProbeResult Failed(string error, TimeSpan after) => new(ProbeOutcome.Failure, Micros(after), 0, error);

    public static int Micros(TimeSpan time) => (int)Math.Min(time.Ticks / 10, int.MaxValue);
}

/// <summary>One kind of probe bound to one target. Runs of the same probe never overlap, so it may keep buffers and counters.</summary>
public interface IProbe
{
    /// <summary>Looks once. Ends soon after <paramref name="timeout"/> is cancelled; that exception, like those of sockets and drivers,
    /// may escape: the engine turns it into a time-out or failure.</summary>
    ValueTask<ProbeResult> RunAsync(CancellationToken timeout);
}

/// <summary>Makes the probe for a declared target.</summary>
public interface IProbeFactory
{
    IProbe Create(ProbeSpec spec);
}
