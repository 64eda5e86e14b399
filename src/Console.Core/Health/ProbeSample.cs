namespace OpsConsole.Core.Health;

/// <summary>How one probe ended. Everything but <see cref="Success"/> counts as an error and as not available.</summary>
public enum ProbeOutcome : byte
{
    Success,
    /// <summary>Refused, reset, unresolved, protocol error, body that does not match.</summary>
    Failure,
    Timeout,
    /// <summary>An HTTP 4xx that was not expected.</summary>
    ClientError,
    /// <summary>An HTTP 5xx that was not expected.</summary>
    ServerError,
}

/// <param name="Probe">index in <see cref="Probing.ProbePlan.Probes"/></param>
/// <param name="At">when it started</param>
/// <param name="DurationMicros">from the first packet sent to the last byte read, in µs; of a time-out, how long was waited</param>
/// <param name="StatusCode">HTTP status; 0 where there is none</param>
/// <param name="Error">one line for a person; null on success</param>
/// <param name="Gauges">figures that the probe read on the way (connections, ops/s, days to the certificate's expiry); null when none</param>
public sealed record ProbeSample(
    int Probe, DateTimeOffset At, ProbeOutcome Outcome, int DurationMicros, short StatusCode = 0, string? Error = null,
    IReadOnlyList<KeyValuePair<string, double>>? Gauges = null);
