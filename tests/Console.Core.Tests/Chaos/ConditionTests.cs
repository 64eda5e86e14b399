using OpsConsole.Core.Chaos;

namespace OpsConsole.Core.Tests.Chaos;

public sealed class ConditionTests
{
    [Theory]
    [InlineData("customers.availabilityPercent >= 95", 95, true)]
    [InlineData("customers.availabilityPercent >= 95", 94.9, false)]
    [InlineData("service:us-east-1-orders.p95Ms <= 500", 500, true)]
    [InlineData("cluster:orders.writeGapSeconds <= 5", 5.1, false)]
    [InlineData("fleet.servingRegions >= 2", 2, true)]
    public void Holds_Measured_AsWritten(string text, double measured, bool holds)
    {
        var condition = Condition.Parse(text);

        Assert.Equal(holds, condition.Holds(measured));
        Assert.Equal(text, condition.ToString());
    }

    [Theory]
    [InlineData("customers.availabilityPercent > 95", "is no condition")]
    [InlineData("customers >= 95", "names no metric")]
    [InlineData("customers.lagSeconds <= 1", "has no metric")]
    [InlineData("moon.p95Ms <= 1", "is not customers")]
    public void Parse_Nonsense_SaysWhatIsWrong(string text, string says) =>
        Assert.Contains(says, Assert.Throws<FormatException>(() => Condition.Parse(text)).Message, StringComparison.Ordinal);

    [Fact]
    public void Measurement_OfNothing_DoesNotHold() => Assert.False(new Measurement(Condition.Parse("fleet.servingRegions >= 0"), null).Holds);

    [Fact]
    public void ShippedExperiments_CoverEveryGroupAndSayWhatTheyMean()
    {
        Assert.Equal(Enum.GetValues<ExperimentGroup>(), ShippedExperiments.All.Select(e => e.Group).Distinct().Order());
        Assert.Equal(ShippedExperiments.All.Count, ShippedExperiments.All.Select(e => e.Id).Distinct().Count());
        Assert.All(ShippedExperiments.All, e => Assert.NotEmpty(e.Purpose));
        Assert.All(ShippedExperiments.All.SelectMany(e => e.Hypothesis.Concat(e.Abort)), c => Condition.Parse(c.Replace("CLUSTER", "cluster:orders", StringComparison.Ordinal)));
        Assert.All(ShippedExperiments.All, e => Assert.True(TargetResolver.IsCount(e.Targets.Count)));
    }

    [Theory]
    [InlineData("50%", 4, 2)]
    [InlineData("50%", 3, 2)]
    [InlineData("1%", 4, 1)]
    [InlineData("100%", 4, 4)]
    [InlineData("3", 2, 2)]
    [InlineData("1", 5, 1)]
    [InlineData("all", 5, 5)]
    [InlineData("50%", 0, 0)]
    public void CountOf_Percentages_RoundUpAndMeanAtLeastOne(string count, int pool, int expected) => Assert.Equal(expected, TargetResolver.CountOf(count, pool));

    [Theory]
    [InlineData("0", false)]
    [InlineData("0%", false)]
    [InlineData("101%", false)]
    [InlineData("some", false)]
    [InlineData("33.4%", true)]
    public void IsCount_WhatIsWritten_IsJudged(string count, bool good) => Assert.Equal(good, TargetResolver.IsCount(count));

    [Fact]
    public void Score_OfProofs_DecaysAndOnlyTheNewestCounts()
    {
        var now = new DateTimeOffset(2026, 11, 23, 0, 0, 0, TimeSpan.Zero);

        Assert.Equal(0, ProofScore.Of([], now));
        Assert.Equal(100, ProofScore.Of([(now.AddDays(-30), true)], now));
        Assert.Equal(75, ProofScore.Of([(now.AddDays(-30).AddSeconds(-1), true)], now));
        Assert.Equal(50, ProofScore.Of([(now.AddDays(-1), false), (now.AddDays(-2), true)], now));
        Assert.Equal(100, ProofScore.Of([(now.AddDays(-2), false), (now.AddDays(-1), true)], now));
    }

    [Fact]
    public void Resilience_OneCriticalProven_WeighsMoreThanOneLow()
    {
        var now = new DateTimeOffset(2026, 11, 23, 0, 0, 0, TimeSpan.Zero);
        var experiments = ShippedExperiments.All.Where(e => e.Id is "database-primary-kill" or "host-cpu").ToList();
        ExperimentResult Passed(string id) => new(Guid.Empty, id, Core.Operations.OperationState.Succeeded, now.AddDays(-1), "passed", "passed", "passed");

        Assert.Equal(80, Resilience.At(now, experiments, [Passed("database-primary-kill")]).Percent);
        Assert.Equal(20, Resilience.At(now, experiments, [Passed("host-cpu")]).Percent);
        Assert.Equal([0, 20], Resilience.Trend(now, experiments, [Passed("host-cpu") with { At = now.AddDays(-2) }]).Select(p => p.Percent).Prepend(0).Distinct());
    }
}
