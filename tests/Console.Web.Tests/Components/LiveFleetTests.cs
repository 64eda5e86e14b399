using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using OpsConsole.Core.Live;
using OpsConsole.Web.Components.Live;

namespace OpsConsole.Web.Tests.Components;

public sealed class LiveFleetTests : IAsyncDisposable
{
    private readonly FakeFleet _fleet = new();
    private readonly LiveFleet _live;
    private readonly FeedAge _age;
    private readonly FakeTimeProvider _clock = new(FakeFleet.Start);

    public LiveFleetTests()
    {
        _fleet.PublishHealthy();
        _age = new FeedAge(_fleet.Feed, _clock);
        _live = new LiveFleet(_fleet.Feed, _age, NullLogger<LiveFleet>.Instance);
    }

    public ValueTask DisposeAsync() => _live.DisposeAsync();

    [Fact]
    public async Task Watch_ChangeOfAnother_IsNotCalled()
    {
        using var services = new Calls();
        using var regions = new Calls();
        using var first = _live.Watch(e => e is ServiceState, services.Add);
        using var second = _live.Watch(e => e is RegionState, regions.Add);
        _fleet.PublishRegion("west", HealthStatus.Failed, "gone");
        await regions.NextAsync();

        Assert.Equal(0, services.Count);
    }

    [Fact]
    public async Task SetVisible_Hidden_CatchesUpInOneCall()
    {
        using var calls = new Calls();
        using var watch = _live.Watch(e => e is RegionState, calls.Add);
        _live.SetVisible(false);
        _fleet.PublishRegion("west", HealthStatus.Failed, "gone");
        _fleet.PublishRegion("west", HealthStatus.Healthy, "back");
        _fleet.PublishRegion("west", HealthStatus.Failed, "gone again");

        _live.SetVisible(true);
        await calls.NextAsync();

        Assert.Equal(1, calls.Count);
        Assert.Equal(HealthStatus.Failed, _live.Current.Regions["west"].Status);
    }

    [Fact]
    public async Task Watch_FailingWatcher_OthersGoOn()
    {
        using var calls = new Calls();
        using var failing = _live.Watch(_ => true, () => throw new InvalidOperationException("render"));
        using var watch = _live.Watch(_ => true, calls.Add);
        _fleet.PublishRegion("west", HealthStatus.Failed, "gone");
        await calls.NextAsync();
    }

    [Fact]
    public void Look_PictureNoLongerRenewed_TurnsStaleOnce()
    {
        var turns = 0;
        _age.Turned += () => turns++;
        _age.Look();
        Assert.True(_age.Link.Fresh);

        _clock.Advance(FeedAge.StaleAfter + TimeSpan.FromSeconds(2));
        _age.Look();
        _age.Look();

        Assert.False(_age.Link.Fresh);
        Assert.Equal(2, turns);
    }

    private sealed class Calls : IDisposable
    {
        private readonly SemaphoreSlim _called = new(0);
        private int _count;

        public int Count => Volatile.Read(ref _count);

        public void Dispose() => _called.Dispose();

        public Task Add()
        {
            Interlocked.Increment(ref _count);
            _called.Release();
            return Task.CompletedTask;
        }

        public async Task NextAsync() => Assert.True(await _called.WaitAsync(TimeSpan.FromSeconds(10)), "the watcher was not called");
    }
}
