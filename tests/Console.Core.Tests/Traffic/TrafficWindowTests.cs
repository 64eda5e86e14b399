using OpsConsole.Core.Traffic;

namespace OpsConsole.Core.Tests.Traffic;

public sealed class TrafficWindowTests
{
    private static readonly DateTimeOffset Start = DateTimeOffset.UnixEpoch;
    private readonly TrafficWindow _window = new(TimeSpan.FromSeconds(10));

    [Fact]
    public void Next_TwoSamples_DifferencesPerRegion()
    {
        Assert.Null(_window.Next(Start, Counters(100, 50)));

        var difference = _window.Next(Start.AddSeconds(2), Counters(175, 75))!;

        Assert.Equal((75L, 25L), (difference["a"].Requests, difference["b"].Requests));
        Assert.Equal(75, TrafficWindow.Shares([difference], ["a", "b", "c"])["a"]);
        Assert.Equal(0, TrafficWindow.Shares([difference], ["a", "b", "c"])["c"]);
    }

    [Fact]
    public void Next_OldSamples_LeaveTheWindow()
    {
        _window.Next(Start, Counters(0, 0));
        _window.Next(Start.AddSeconds(8), Counters(1000, 0));

        var difference = _window.Next(Start.AddSeconds(16), Counters(1000, 10))!;

        Assert.Equal((0L, 10L), (difference["a"].Requests, difference["b"].Requests));
    }

    [Fact]
    public void Next_CountersWentBack_StartsAnew()
    {
        _window.Next(Start, Counters(1000, 1000));

        Assert.Null(_window.Next(Start.AddSeconds(2), Counters(5, 5)));
        Assert.Equal(3, _window.Next(Start.AddSeconds(4), Counters(8, 5))!["a"].Requests);
    }

    [Fact]
    public void Shares_NoRequests_UnknownNotZero() => Assert.Null(TrafficWindow.Shares([], ["a"])["a"]);

    [Theory]
    [InlineData("12.5\n13.5\n11\n", 12.5, 0)]
    [InlineData("12.5\n-\n", 12.5, 50)]
    [InlineData("", null, 100)]
    [InlineData("-\n-\n", null, 100)]
    public void RoundTrip_Parse_MedianAndLoss(string output, double? milliseconds, double loss)
    {
        Assert.Equal(new RoundTrip(milliseconds, loss), RoundTrip.Parse(output));
    }

    private static Dictionary<string, RegionCounters> Counters(long a, long b) => new() { ["a"] = new("a", a, 0), ["b"] = new("b", b, 0) };
}
