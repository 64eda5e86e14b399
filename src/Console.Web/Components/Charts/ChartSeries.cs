using OpsConsole.Core.Health;

namespace OpsConsole.Web.Components.Charts;

/// <summary>What a chart's numbers are; chooses how the axis and the tooltip write them.</summary>
public enum ChartUnit { Number, Milliseconds, Seconds, Bytes, Percent, PerSecond }

/// <param name="Points">Pairs of Unix milliseconds and value, in order; a null value is a gap.</param>
public sealed record ChartSeries(string Name, IReadOnlyList<double?[]> Points)
{
    public static double?[] Point(DateTimeOffset at, double? value) => [at.ToUnixTimeMilliseconds(), value is { } number ? Math.Round(number, 4) : null];

    public static ChartSeries From(string name, HistorySeries history) =>
        new(name, history.Points.Select(p => Point(p.At, p.Value)).ToList());

    public static ChartSeries From(string name, HistorySeries history, Func<HistoryPoint, double?> value) =>
        new(name, history.Points.Select(p => Point(p.At, value(p))).ToList());
}
