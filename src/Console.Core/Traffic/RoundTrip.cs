namespace OpsConsole.Core.Traffic;

/// <summary>The result of several timed request round trips.</summary>
/// <param name="Milliseconds">median of those that were answered; null when none was</param>
public readonly record struct RoundTrip(double? Milliseconds, double LossPercent)
{
    /// <param name="times">null for each that was lost</param>
    public static RoundTrip Of(IReadOnlyList<double?> times)
    {
        var answered = times.OfType<double>().Order().ToList();
        var loss = times.Count == 0 ? 100 : 100.0 * (times.Count - answered.Count) / times.Count;
        return new RoundTrip(answered.Count == 0 ? null : answered[answered.Count / 2], loss);
    }

    /// <summary>Reads what the host command <c>net.latency</c> printed: one number of milliseconds a line, a dash for a lost one.</summary>
    public static RoundTrip Parse(string output) => Of([.. output
        .Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries)
        .Select(line => double.TryParse(line, System.Globalization.NumberStyles.AllowDecimalPoint, System.Globalization.CultureInfo.InvariantCulture, out var ms) ? ms : (double?)null)]);
}
