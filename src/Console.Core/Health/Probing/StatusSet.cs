using System.Globalization;

namespace OpsConsole.Core.Health.Probing;

/// <summary>HTTP status codes that count as success: <c>200-399</c>, <c>200,204,301-302</c>.</summary>
public sealed class StatusSet
{
    private readonly (int From, int To)[] _ranges;

    private StatusSet((int, int)[] ranges) => _ranges = ranges;

    public bool Contains(int status)
    {
        foreach (var (from, to) in _ranges)
            if (status >= from && status <= to)
                return true;
        return false;
    }

    /// <exception cref="FormatException">not a list of codes and ranges</exception>
    public static StatusSet Parse(string text) => new([.. text.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Select(Range)]);

    private static (int, int) Range(string part)
    {
        var ends = part.Split('-', StringSplitOptions.TrimEntries);
        if (ends.Length is 1 or 2 && Code(ends[0]) is { } from && Code(ends[^1]) is { } to && from <= to)
            return (from, to);
        throw new FormatException($"'{part}' is not a status code or a range such as 200-399.");
    }

    private static int? Code(string text) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var code) && code is >= 100 and <= 599 ? code : null;
}
