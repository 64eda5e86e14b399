using OpsConsole.Core.Traffic;

namespace OpsConsole.Core.Tests.Traffic;

public sealed class TrafficShiftTests
{
    private static readonly Dictionary<string, int> Start = new() { ["us"] = 100, ["west"] = 75, ["eu"] = 75, ["ap"] = 50 };

    [Theory]
    [InlineData(0, 100, 75)]
    [InlineData(5, 95, 80)]
    [InlineData(10, 90, 85)]
    [InlineData(50, 50, 125)]
    [InlineData(100, 0, 175)]
    public void Weights_PartOfTheSource_GoesToTheTargetAndNobodyElse(double percent, int source, int target)
    {
        var weights = TrafficShift.Weights(Start, "us", "west", percent);
        Assert.Equal((source, target, 75, 50), (weights["us"], weights["west"], weights["eu"], weights["ap"]));
    }

    [Fact]
    public void Weights_PastTheHighest_AreScaledAndNobodyIsRoundedOut()
    {
        var weights = TrafficShift.Weights(new Dictionary<string, int> { ["us"] = 256, ["west"] = 256, ["ap"] = 1 }, "us", "west", 100);
        Assert.Equal((0, 256, 1), (weights["us"], weights["west"], weights["ap"]));
    }

    [Theory]
    [InlineData(0, 256, 0)]
    [InlineData(25, 192, 64)]
    [InlineData(100, 0, 256)]
    public void Weights_NobodyHasAny_TheSourceCountsAsServing(double percent, int source, int target)
    {
        var weights = TrafficShift.Weights(Start.ToDictionary(w => w.Key, _ => 0), "us", "west", percent);
        Assert.Equal((source, target, 0, 0), (weights["us"], weights["west"], weights["eu"], weights["ap"]));
    }

    [Fact]
    public void Shares_OfWeights_AddUpToHundred() =>
        Assert.Equal(100, TrafficShift.Shares(TrafficShift.Weights(Start, "us", "west", 25)).Values.Sum(), 6);
}
