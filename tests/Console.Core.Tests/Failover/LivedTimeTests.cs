using Microsoft.Extensions.Time.Testing;
using OpsConsole.Core.Failover.Detection;

namespace OpsConsole.Core.Tests.Failover;

public sealed class LivedTimeTests
{
    private readonly FakeTimeProvider _time = new();

    [Fact]
    public async Task Now_ProcessStoodStill_CountsOneLateTick()
    {
        var lived = new LivedTime(_time);
        using var over = new CancellationTokenSource();
        var ticking = lived.RunAsync(over.Token);
        await TicksAsync(lived, 10);
        Assert.Equal(10 * LivedTime.Tick, lived.Now);

        _time.Advance(TimeSpan.FromSeconds(5)); // nothing ran meanwhile: one timer, late
        Assert.Equal((10 * LivedTime.Tick) + LivedTime.Most, lived.Now);

        await over.CancelAsync();
        await ticking;
    }

    [Fact]
    public async Task CancelAfterAsync_ProcessStoodStill_WaitsForTheRestOfTheTime()
    {
        var lived = new LivedTime(_time);
        using var over = new CancellationTokenSource();
        using var limit = new CancellationTokenSource();
        var ticking = lived.RunAsync(over.Token);
        var ending = lived.CancelAfterAsync(limit, TimeSpan.FromMilliseconds(250));

        _time.Advance(TimeSpan.FromSeconds(5));
        await TicksAsync(lived, 9);
        Assert.False(limit.IsCancellationRequested);
        for (var i = 0; i < 20 && !limit.IsCancellationRequested; i++) await TicksAsync(lived, 1);
        await ending;
        Assert.True(limit.IsCancellationRequested);

        await over.CancelAsync();
        await ticking;
    }

    /// <summary>The ticker is let run between ticks, as in a process that lives.</summary>
    private async Task TicksAsync(LivedTime lived, int count)
    {
        for (var i = 0; i < count; i++)
        {
            var before = lived.Now;
            _time.Advance(LivedTime.Tick);
            for (var turn = 0; turn < 50; turn++) await Task.Yield();
            Assert.True(lived.Now > before);
        }
    }
}
