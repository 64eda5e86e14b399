using System.Globalization;

namespace OpsConsole.Core.Health.Business;

/// <summary>As much of the Prometheus text format as reading a few metrics needs: the sum over all label sets of each name.</summary>
internal static class PrometheusText
{
    public static Dictionary<string, double> Sums(string text, IReadOnlySet<string> names)
    {
        var sums = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (var line in text.AsSpan().EnumerateLines())
        {
            if (line.IsEmpty || line[0] == '#')
                continue;
            var end = line.IndexOfAny('{', ' ', '\t');
            if (end <= 0 || line[..end].ToString() is not { } name || !names.Contains(name))
                continue;
            // A label's value may hold spaces and braces; the last brace ends the labels.
            var rest = line[end] == '{' ? line[(line.LastIndexOf('}') + 1)..] : line[end..];
            rest = rest.Trim();
            var space = rest.IndexOf(' ');
            if (double.TryParse(space < 0 ? rest : rest[..space], CultureInfo.InvariantCulture, out var value) && double.IsFinite(value))
                sums[name] = sums.GetValueOrDefault(name) + value;
        }
        return sums;
    }
}
