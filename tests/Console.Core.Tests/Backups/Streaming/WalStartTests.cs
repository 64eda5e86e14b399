using OpsConsole.Core.Backups.Streaming;
using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Tests.Backups.Streaming;

/// <summary>Segments of 4 MB; the server is on timeline 2, which left timeline 1 at 0/68000A0, in segment 26.</summary>
public sealed class WalStartTests
{
    private const int Segment = 4 << 20;
    private static readonly TimelineAncestry Moved = new(2, [(1, WalPosition.Parse("0/68000A0"))]);

    [Theory]
    [InlineData(1, 25, true)]
    [InlineData(2, 26, true)]
    [InlineData(2, 25, false)] // of an earlier timeline 2, which a restore in place began and its take-back left
    [InlineData(3, 40, false)] // of a branch that was left
    public void MayHold_PieceBeforeTheForkOfItsOwnTimeline_IsOfAnotherBranch(int timeline, int segment, bool may) => Assert.Equal(may, WalStart.MayHold(Piece(timeline, segment), Moved, Segment));

    [Theory]
    [InlineData("0/6400000", 1)]
    [InlineData("0/6800000", 1)]
    [InlineData("0/6C00000", 2)]
    public void After_LogIsMissing_GoesOnWhereTheServerKeepsItOnTheTimelineOfThatPlace(string kept, int timeline)
    {
        var start = WalStart.After(Piece(1, 15), WalPosition.Parse(kept), Moved, Segment);
        Assert.Equal((WalPosition.Parse(kept), timeline, WalPosition.Parse("0/4000000")), (start.From, start.Timeline, start.Missing!.Value));
    }

    private static WalObject Piece(int timeline, int segment) => new("", "", timeline, (ulong)segment, null, false, default);
}
