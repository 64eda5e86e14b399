using System.Text.RegularExpressions;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Drivers.PgBackRest;

/// <summary>pgBackRest's warnings of log that it gave up: <c>dropped WAL file '...' because archive queue exceeded 512MB</c>.</summary>
internal static partial class PgBackRestDropped
{
    /// <returns>names, oldest first, each once</returns>
    public static IReadOnlyList<string> Segments(string text) => [.. Warning().Matches(text).Select(m => m.Groups[1].Value).Distinct().Order(StringComparer.Ordinal)];

    /// <summary>Segments that follow each other are one stretch.</summary>
    public static IReadOnlyList<MissingLog> Stretches(IReadOnlyList<string> segments, ulong segmentBytes)
    {
        var stretches = new List<MissingLog>();
        foreach (var end in segments.Select(s => ArchiverView.Parse(s, segmentBytes)!))
        {
            var from = new WalPosition(end.Position.Value - segmentBytes);
            if (stretches.Count > 0 && stretches[^1] is var last && last.Timeline == end.Timeline && last.To == from) stretches[^1] = last with { To = end.Position };
            else stretches.Add(new MissingLog(end.Timeline, from, end.Position));
        }
        return stretches;
    }

    [GeneratedRegex("dropped WAL file '([0-9A-F]{24})'")]
    private static partial Regex Warning();
}
