using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Backups.Streaming;

/// <summary>Where reading the log goes on.</summary>
/// <param name="Missing">log from there up to <paramref name="From"/> is lost; null: nothing is</param>
internal sealed record WalStart(WalPosition From, int Timeline, WalPosition? Missing)
{
    /// <param name="known">the newest piece that is stored; null: none</param>
    /// <param name="kept">start of the segment from which on the server keeps the log</param>
    /// <param name="ancestry">of the server's timeline</param>
    public static WalStart After(WalObject? known, WalPosition kept, TimelineAncestry ancestry, int segmentBytes)
    {
        if (known is null) return new WalStart(kept, ancestry.Timeline, null);
        var after = new WalPosition((known.Segment + (known.UpTo is null ? 1UL : 0UL)) * (ulong)segmentBytes);
        var (wanted, timeline) = (after, known.Timeline);
        if (known.Timeline != ancestry.Timeline)
        {
            // Stored up to the fork or past it, or on a branch that nobody went on with: what counts begins in the segment of the fork.
            var left = ancestry.LeftAt(known.Timeline);
            if (left is null || after.Value + (ulong)segmentBytes > left.Value.Value)
            {
                var fork = left ?? ancestry.Ancestors.Select(a => (WalPosition?)a.Left).LastOrDefault() ?? kept;
                wanted = new WalPosition(fork.Value - (fork.Value % (ulong)segmentBytes));
                timeline = left is null ? ancestry.Timeline : ancestry.Ancestors.Select(a => a.Timeline).Append(ancestry.Timeline).First(t => t > known.Timeline);
            }
        }
        return wanted >= kept ? new WalStart(wanted, timeline, null) : new WalStart(kept, TimelineAt(kept, ancestry), wanted);
    }

    /// <summary>Whether a stored piece can be of this history. A restore in place that was taken back leaves a branch behind whose number the next promotion takes
    /// again: what lies before the fork of its own timeline is of such a branch.</summary>
    public static bool MayHold(WalObject piece, TimelineAncestry ancestry, int segmentBytes)
    {
        var began = ancestry.Ancestors.Where(a => a.Timeline < piece.Timeline).Select(a => a.Left.Value).DefaultIfEmpty(0UL).Max();
        return piece.Segment >= began / (ulong)segmentBytes;
    }

    private static int TimelineAt(WalPosition at, TimelineAncestry ancestry) =>
        ancestry.Ancestors.Where(a => a.Left > at).Select(a => (int?)a.Timeline).Min() ?? ancestry.Timeline;
}
