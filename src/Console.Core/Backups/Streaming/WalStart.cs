using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Backups.Streaming;

/// <summary>Where reading the log goes on.</summary>
/// <param name="Missing">log from there up to <paramref name="From"/> is lost; null: nothing is</param>
internal sealed record WalStart(WalPosition From, int Timeline, WalPosition? Missing)
{
    /// <param name="known">the newest piece of this history that is stored; null: none</param>
    /// <param name="kept">start of the segment from which on the server keeps the log</param>
    /// <param name="ancestry">of the server's timeline</param>
    public static WalStart After(WalObject? known, WalPosition kept, TimelineAncestry ancestry, int segmentBytes)
    {
        if (known is null) return new WalStart(kept, ancestry.Timeline, null);
        var after = new WalPosition((known.Segment + (known.UpTo is null ? 1UL : 0UL)) * (ulong)segmentBytes);
        var (wanted, timeline) = (after, known.Timeline);
        if (ancestry.LeftAt(known.Timeline) is { } left && after.Value + (ulong)segmentBytes > left.Value)
        {
            // Stored up to the fork or past it: what counts begins in its segment, whose file of the next timeline holds the common part as well.
            wanted = new WalPosition(left.Value - (left.Value % (ulong)segmentBytes));
            timeline = ancestry.Ancestors.Select(a => a.Timeline).Append(ancestry.Timeline).First(t => t > known.Timeline);
        }
        return wanted >= kept ? new WalStart(wanted, timeline, null) : new WalStart(kept, TimelineAt(kept, ancestry), wanted);
    }

    /// <summary>Whether a stored piece can be of this history. A restore in place that was taken back leaves a branch behind, whose timeline is no ancestor's; where the
    /// hosts did not bring its number along, the next promotion took it again, and what lies before the fork of its own timeline is of the branch.</summary>
    public static bool MayHold(WalObject piece, TimelineAncestry ancestry, int segmentBytes)
    {
        var began = ancestry.Ancestors.Where(a => a.Timeline < piece.Timeline).Select(a => a.Left.Value).DefaultIfEmpty(0UL).Max();
        return ancestry.Includes(piece.Timeline) && piece.Segment >= began / (ulong)segmentBytes;
    }

    private static int TimelineAt(WalPosition at, TimelineAncestry ancestry) =>
        ancestry.Ancestors.Where(a => a.Left > at).Select(a => (int?)a.Timeline).Min() ?? ancestry.Timeline;
}
