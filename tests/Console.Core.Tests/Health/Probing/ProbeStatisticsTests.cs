using OpsConsole.Core.Health.Probing;

namespace OpsConsole.Core.Tests.Health.Probing;

public sealed class ProbeStatisticsTests
{
    [Fact]
    public void LatenessMs_SlowWhenItBegan_IsForgottenAfterItsMarkAndStillCounted()
    {
        var statistics = new ProbeStatistics();
        for (var i = 0; i < 100; i++) statistics.Started(TimeSpan.FromMilliseconds(400));
        Assert.Equal(401, statistics.LatenessMs(99));

        statistics.Mark();
        Assert.Equal(0, statistics.LatenessMs(99)); // nothing since
        for (var i = 0; i < 50; i++) statistics.Started(TimeSpan.FromMilliseconds(3));

        Assert.Equal(4, statistics.LatenessMs(99));
        Assert.Equal(150, statistics.Count);
    }

    [Fact]
    public void LatenessMs_ReachesBackToTheOldestMarkThatIsKept()
    {
        var statistics = new ProbeStatistics();
        statistics.Mark();
        statistics.Started(TimeSpan.FromMilliseconds(700));
        for (var i = 1; i < ProbeStatistics.Marks; i++) statistics.Mark();
        Assert.Equal(701, statistics.LatenessMs(99));

        statistics.Mark();

        Assert.Equal(0, statistics.LatenessMs(99));
    }
}
