using System.Globalization;
using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Backups;

/// <summary>PostgreSQL's history file of a timeline: a line for each ancestor, with the position at which it ended.</summary>
public static class TimelineHistory
{
    /// <returns>oldest first; lines that are none are passed over</returns>
    public static IReadOnlyList<(int Timeline, WalPosition Ended)> Parse(string text)
    {
        var found = new List<(int, WalPosition)>();
        foreach (var words in text.Split('\n').Select(l => l.Split(['\t', ' '], StringSplitOptions.RemoveEmptyEntries)))
        {
            if (words.Length >= 2 && int.TryParse(words[0], NumberStyles.None, CultureInfo.InvariantCulture, out var timeline) && words[1].Contains('/', StringComparison.Ordinal))
                found.Add((timeline, WalPosition.Parse(words[1])));
        }
        return found;
    }
}
