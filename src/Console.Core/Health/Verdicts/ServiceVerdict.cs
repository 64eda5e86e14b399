using System.Globalization;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Health.Verdicts;

/// <param name="Whole">verdict of the probes that speak for the service as a whole; Healthy when there are none</param>
/// <param name="Nodes">weight and verdict of each probed node</param>
/// <param name="P95Ms">over the window; null without answers</param>
/// <param name="SlowSamples">how many of them were slower than the limit</param>
/// <param name="Errors">and Count: samples since the last recovery within the window</param>
public readonly record struct ServiceEvidence(
    HealthStatus Whole, IReadOnlyList<(int Weight, HealthStatus Status)> Nodes, double? P95Ms, int SlowSamples, int Errors, int Count, string? Error);

/// <summary>From the verdicts of probes to that of a service (HE-2). Pure.</summary>
public static class ServiceVerdict
{
    // A limit once crossed is left only below 90 % of it, and one odd sample crosses none: both damp flapping.
    private const double LeaveAt = 0.9;
    private const int LeastSamples = 2;

    public static (HealthStatus Status, string Reason) Decide(in ServiceEvidence evidence, HealthStatus before, ObservationOptions options)
    {
        if (evidence.Whole == HealthStatus.Failed)
            return (HealthStatus.Failed, $"down: {evidence.Error ?? "its probe fails"}");
        int total = 0, down = 0, unknown = 0, downNodes = 0;
        foreach (var (weight, status) in evidence.Nodes)
        {
            var share = Math.Max(weight, 1);
            total += share;
            if (status == HealthStatus.Failed)
            {
                down += share;
                downNodes++;
            }
            else if (status == HealthStatus.Unknown)
                unknown += share;
        }
        if (total > 0 && down == total)
            return (HealthStatus.Failed, $"down: {evidence.Error ?? "no node answers"}");
        if (evidence.Whole == HealthStatus.Unknown || (total > 0 && unknown == total))
            return (HealthStatus.Unknown, evidence.Count == 0 ? "not sampled yet" : "no fresh sample");
        if (down > 0)
            return (down * 2 > total ? HealthStatus.Critical : HealthStatus.Degraded, $"{downNodes} of {evidence.Nodes.Count} nodes down: {evidence.Error ?? "no answer"}");
        if (unknown > 0)
            return (HealthStatus.Unknown, "a node has no fresh sample");
        return Limits(evidence, before == HealthStatus.Degraded ? LeaveAt : 1, options);
    }

    private static (HealthStatus, string) Limits(in ServiceEvidence evidence, double factor, ObservationOptions options)
    {
        var errorPercent = evidence.Count == 0 ? 0 : evidence.Errors * 100.0 / evidence.Count;
        if (evidence.Errors >= LeastSamples && errorPercent > options.DegradedErrorPercent * factor)
            return (HealthStatus.Degraded, string.Create(CultureInfo.InvariantCulture, $"{errorPercent:0.#} % errors ({evidence.Errors} of {evidence.Count}), limit {options.DegradedErrorPercent:0.#} %"));
        if (evidence.P95Ms > options.DegradedResponseMs * factor && (factor < 1 || evidence.SlowSamples >= LeastSamples))
            return (HealthStatus.Degraded, string.Create(CultureInfo.InvariantCulture, $"P95 {evidence.P95Ms:0} ms, limit {options.DegradedResponseMs:0} ms"));
        return (HealthStatus.Healthy, "all checks pass");
    }
}
