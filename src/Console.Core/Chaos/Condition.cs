using System.Globalization;

namespace OpsConsole.Core.Chaos;

/// <summary>A measured condition, written <c>OF.METRIC >= VALUE</c> (or <c>&lt;=</c>): <c>customers.availabilityPercent >= 95</c>,
/// <c>service:us-east-1-orders.p95Ms &lt;= 500</c>, <c>cluster:orders.writeGapSeconds &lt;= 5</c>.
/// <para>Metrics: customers and services have availabilityPercent, errorRatePercent and p95Ms; clusters lagSeconds and writeGapSeconds (time without
/// an acknowledged heartbeat); the fleet servingRegions (regions that are healthy or degraded).</para></summary>
public sealed record Condition(string Of, string Metric, bool AtLeast, double Value)
{
    public const string Customers = "customers";
    public const string Fleet = "fleet";
    private static readonly string[] Requests = ["availabilityPercent", "errorRatePercent", "p95Ms"];
    private static readonly string[] Clusters = ["lagSeconds", "writeGapSeconds"];

    public bool Holds(double measured) => AtLeast ? measured >= Value : measured <= Value;

    /// <summary>Whether <paramref name="measured"/> is further from holding than <paramref name="than"/>.</summary>
    public bool IsWorse(double measured, double than) => AtLeast ? measured < than : measured > than;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Of}.{Metric} {(AtLeast ? ">=" : "<=")} {Value}");

    /// <exception cref="FormatException">what is wrong, in words</exception>
    public static Condition Parse(string text)
    {
        var parts = text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (parts is not [var subject, (">=" or "<=") and var sign, var number] || !double.TryParse(number, NumberStyles.Float, CultureInfo.InvariantCulture, out var value))
            throw new FormatException($"'{text}' is no condition: write for example customers.availabilityPercent >= 95.");
        var dot = subject.LastIndexOf('.');
        if (dot <= 0) throw new FormatException($"'{subject}' names no metric: write for example customers.p95Ms.");
        var (of, metric) = (subject[..dot], subject[(dot + 1)..]);
        var known = of == Customers || of.StartsWith("service:", StringComparison.Ordinal) ? Requests
            : of.StartsWith("cluster:", StringComparison.Ordinal) ? Clusters
            : of == Fleet ? ["servingRegions"]
            : throw new FormatException($"'{of}' is not customers, service:ID, cluster:ID or fleet.");
        return known.Contains(metric) ? new Condition(of, metric, sign == ">=", value) : throw new FormatException($"{of} has no metric '{metric}': {string.Join(", ", known)}.");
    }
}

/// <summary>A condition and what was measured. <see cref="Measured"/> is null when nothing could be: then it does not hold.</summary>
public sealed record Measurement(Condition Condition, double? Measured)
{
    public bool Holds => Measured is { } value && Condition.Holds(value);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Condition.Of}.{Condition.Metric} is {(Measured is { } v ? Math.Round(v, 3) : "unknown")} ({(Condition.AtLeast ? "at least" : "at most")} {Condition.Value})");
}
