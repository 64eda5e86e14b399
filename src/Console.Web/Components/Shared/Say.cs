using System.Globalization;

namespace OpsConsole.Web.Components.Shared;

/// <summary>Values in words. An unknown value is a dash, never a zero.</summary>
public static class Say
{
    public const string Unknown = "–";

    private static readonly CultureInfo Plain = CultureInfo.InvariantCulture;

    public static string Milliseconds(double? value) => value switch
    {
        null => Unknown,
        < 10 => string.Create(Plain, $"{value:0.#} ms"),
        < 10_000 => string.Create(Plain, $"{value:0} ms"),
        _ => string.Create(Plain, $"{value / 1000:0.#} s"),
    };

    /// <summary>A short lag: milliseconds below a second, then seconds, then minutes.</summary>
    public static string Seconds(double? value) => value switch
    {
        null => Unknown,
        < 0.0005 => "0 ms",
        < 0.9995 => string.Create(Plain, $"{value * 1000:0} ms"),
        < 100 => string.Create(Plain, $"{value:0.#} s"),
        _ => Duration(value),
    };

    /// <summary>A duration in its two largest units: <c>4 min 23 s</c>, <c>2 h</c>, <c>3 d 4 h</c>.</summary>
    public static string Duration(double? seconds)
    {
        if (seconds is not { } value) return Unknown;
        if (value < 0.9995) return Seconds(value);
        var span = TimeSpan.FromSeconds(Math.Round(value));
        return span switch
        {
            { TotalDays: >= 1 } => Pair((int)span.TotalDays, "d", span.Hours, "h"),
            { TotalHours: >= 1 } => Pair(span.Hours, "h", span.Minutes, "min"),
            { TotalMinutes: >= 1 } => Pair(span.Minutes, "min", span.Seconds, "s"),
            _ => $"{span.Seconds} s",
        };
    }

    public static string Percent(double? value) => value switch
    {
        null => Unknown,
        100 => "100 %",
        > 99 and < 100 => string.Create(Plain, $"{Math.Floor(value.Value * 1000) / 1000:0.###} %"),
        < 10 => string.Create(Plain, $"{value:0.##} %"),
        _ => string.Create(Plain, $"{value:0.#} %"),
    };

    /// <summary>A share with its counts: <c>3 of 4 (75 %)</c>, <c>3 of 4 regions healthy (75 %)</c>.</summary>
    public static string Share(int part, int whole, string of = "") =>
        whole == 0 ? "none" : $"{part} of {whole}{(of.Length > 0 ? " " : "")}{of} ({Percent(100.0 * part / whole)})";

    public static string Bytes(double? value)
    {
        if (value is not { } rest) return Unknown;
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB"];
        var unit = 0;
        while (Math.Abs(rest) >= 1024 && unit < units.Length - 1)
        {
            rest /= 1024;
            unit++;
        }
        return string.Create(Plain, $"{rest:0.#} {units[unit]}");
    }

    public static string Rate(double? perSecond, string unit = "") => perSecond is null ? Unknown : string.Create(Plain, $"{perSecond:0.##} {unit}/s");

    public static string Number(double? value) => value is null ? Unknown : string.Create(Plain, $"{value:#,0.##}");

    /// <summary>A gauge's value by the unit that its name ends in.</summary>
    public static string Gauge(string name, double value) => name switch
    {
        _ when name.EndsWith("Bytes", StringComparison.OrdinalIgnoreCase) => Bytes(value),
        _ when name.EndsWith("Percent", StringComparison.OrdinalIgnoreCase) => Percent(value),
        _ when name.EndsWith("Seconds", StringComparison.OrdinalIgnoreCase) => Duration(value),
        _ when name.EndsWith("Ms", StringComparison.Ordinal) || name.EndsWith("Milliseconds", StringComparison.OrdinalIgnoreCase) => Milliseconds(value),
        _ => Number(value),
    };

    /// <summary>Invariant text of a number for SVG and data attributes.</summary>
    public static string Plainly(double value) => value.ToString("0.###", Plain);

    public static string Instant(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", Plain);

    public static string Utc(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", Plain);

    /// <summary>An enumeration's word as people read it: <c>HalfOpen</c> → <c>half open</c>.</summary>
    public static string Word<T>(T value) where T : struct, Enum
    {
        var name = value.ToString();
        return string.Concat(name.Select((c, i) => char.IsUpper(c) ? (i > 0 ? " " : "") + char.ToLowerInvariant(c) : c.ToString()));
    }

    private static string Pair(int large, string largeUnit, int small, string smallUnit) =>
        small == 0 ? $"{large} {largeUnit}" : $"{large} {largeUnit} {small} {smallUnit}";
}
