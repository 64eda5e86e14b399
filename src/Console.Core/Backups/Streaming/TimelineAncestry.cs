using System.Globalization;
using System.Text;
using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Backups.Streaming;

/// <summary>Where a timeline came from: each ancestor with the position at which it was left.</summary>
public sealed record TimelineAncestry(int Timeline, IReadOnlyList<(int Timeline, WalPosition Left)> Ancestors)
{
    /// <summary>Of the first timeline, or one whose history is not known.</summary>
    public static TimelineAncestry Of(int timeline) => new(timeline, []);

    /// <exception cref="FormatException">not a history file</exception>
    public static TimelineAncestry Parse(int timeline, ReadOnlySpan<byte> content) => new(timeline,
        [.. Encoding.UTF8.GetString(content).Split('\n').Select(l => l.Trim()).Where(l => l.Length > 0 && l[0] != '#')
            .Select(l => l.Split((char[]?)null, 3, StringSplitOptions.RemoveEmptyEntries))
            .Select(f => (int.Parse(f[0], CultureInfo.InvariantCulture), WalPosition.Parse(f[1])))]);

    public bool Includes(int timeline) => timeline == Timeline || Ancestors.Any(a => a.Timeline == timeline);

    /// <summary>The position past which an ancestor's log is in no history; null: the timeline itself, or no ancestor.</summary>
    public WalPosition? LeftAt(int timeline) => Ancestors.Where(a => a.Timeline == timeline).Select(a => (WalPosition?)a.Left).FirstOrDefault();
}
