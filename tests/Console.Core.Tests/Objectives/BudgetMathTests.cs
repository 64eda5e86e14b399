using OpsConsole.Core.Health;
using OpsConsole.Core.Objectives;

namespace OpsConsole.Core.Tests.Objectives;

public sealed class BudgetMathTests
{
    private static readonly DateTimeOffset Now = new(2026, 5, 1, 10, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(99.99, 4.38)]
    [InlineData(99.95, 21.9)]
    [InlineData(99.9, 43.8)]
    public void Of_Target_AllowsMinutesOfA730HourMonth(double target, double minutes) =>
        Assert.Equal(minutes, BudgetMath.Of("database", target, [], Now).AllowedSeconds / 60, 6);

    [Fact]
    public void Of_Downtime_IsCountedBySamples()
    {
        // One hour up, one hour with 10 % down, both with a sample each 5 s.
        HistoryPoint[] points = [new(Now.AddHours(-2), 1, null, null, null, 720), new(Now.AddHours(-1), 0.9, null, null, null, 720)];

        var budget = BudgetMath.Of("database", 99.99, points, Now);

        Assert.Equal(360, budget.UsedSeconds, 6);
        Assert.Equal(20, budget.CoveredPercent, 6); // 2 of the 10 h of this month
    }

    [Fact]
    public void Of_Gaps_AreUnknownNotUpAndNotDown()
    {
        HistoryPoint[] points = [new(Now.AddHours(-2), null, null, null, null, 0)];

        var budget = BudgetMath.Of("database", 99.99, points, Now);

        Assert.Equal((0.0, 0.0), (budget.UsedSeconds, budget.CoveredPercent));
    }

    [Fact]
    public void Month_December_EndsInJanuary()
    {
        var (from, to) = BudgetMath.Month(new DateTimeOffset(2026, 12, 31, 23, 0, 0, TimeSpan.Zero));

        Assert.Equal((new DateTimeOffset(2026, 12, 1, 0, 0, 0, TimeSpan.Zero), new DateTimeOffset(2027, 1, 1, 0, 0, 0, TimeSpan.Zero)), (from, to));
    }
}
