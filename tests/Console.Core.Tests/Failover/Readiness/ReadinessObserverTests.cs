using System.Threading.Channels;
using Microsoft.Extensions.Time.Testing;
using OpsConsole.Core.Failover;
using OpsConsole.Core.Failover.Readiness;
using OpsConsole.Core.Health;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Tests.Live;

namespace OpsConsole.Core.Tests.Failover.Readiness;

public sealed class ReadinessObserverTests : IAsyncDisposable
{
    private readonly FakeTimeProvider _time = new(PreflightWorld.Now);
    private readonly World _world;
    private readonly Published _published = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _running;

    public ReadinessObserverTests()
    {
        _world = new World(_time);
        _running = new ReadinessObserver(PreflightWorld.Fleet(), _world, _published, new FailoverOptions(), _time).RunAsync(_stop.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _running);
        _stop.Dispose();
    }

    [Fact(Timeout = 30_000)]
    public async Task Run_NobodyAsks_EveryOrderedPairIsJudged()
    {
        var all = await TakeAsync(12);
        Assert.Equal(12, all.Select(r => r.Key).Distinct().Count());
        Assert.All(all, r => Assert.Equal(PreflightWorld.Now, r.AsOf));
        var west = all.Single(r => r is { Source: "us", Target: "west" });
        Assert.Equal((true, CheckVerdict.Passed, 2d, 0d), (west.Planned, west.Verdict, west.RtoSeconds!.Value, west.RpoSeconds!.Value));
        Assert.DoesNotContain(west.Checks, c => c.Measured.Contains("unknown", StringComparison.Ordinal));
        // The way from a region that is no primary is judged too, and says what keeps it from being taken.
        Assert.Contains(all.Single(r => r is { Source: "eu", Target: "ap" }).Checks, c => c is { Id: "source-is-primary", Verdict: CheckVerdict.Blocking });
    }

    [Fact(Timeout = 30_000)]
    public async Task Run_VerdictChanges_IsPublishedAtTheNextLookAndTheRestLater()
    {
        await TakeAsync(12);
        _world.Facts = PreflightWorld.Facts(PreflightWorld.Picture(link: l => l.Target == "west" ? l with { HeartbeatLagSeconds = 900 } : l));
        _time.Advance(TimeSpan.FromSeconds(2));
        var changed = Assert.Single(await TakeAsync(1));
        Assert.Equal(("us", "west", CheckVerdict.Blocking), (changed.Source, changed.Target, changed.Verdict));
        Assert.False(_published.Reader.TryRead(out _));

        _time.Advance(TimeSpan.FromSeconds(2));
        await _world.GatheredAsync(3);
        _time.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(11, (await TakeAsync(11)).Select(r => r.Key).Distinct().Count());
    }

    [Fact(Timeout = 30_000)]
    public async Task Run_PrimaryStopsServing_JudgesAFailover()
    {
        await TakeAsync(12);
        _world.Facts = PreflightWorld.Facts(PreflightWorld.Picture(c => PreflightWorld.Node("us", n => n with { Reachable = false })(c) with { WriteAvailable = false, PrimaryRegion = null }));
        _time.Advance(TimeSpan.FromSeconds(2));
        var west = (await TakeAsync(12)).Single(r => r is { Source: "us", Target: "west" });
        Assert.False(west.Planned);
        Assert.DoesNotContain(west.Checks, c => c.Verdict == CheckVerdict.Blocking);
    }

    private async Task<List<ReadinessState>> TakeAsync(int count)
    {
        var all = new List<ReadinessState>();
        while (all.Count < count) all.Add(await _published.Reader.ReadAsync(TestContext.Current.CancellationToken));
        return all;
    }

    private sealed class World(TimeProvider time) : IFailoverFacts
    {
        private readonly Channel<int> _gathered = Channel.CreateUnbounded<int>();
        private int _count;

        public PreflightFacts Facts { get; set; } = PreflightWorld.Facts();

        public async Task GatheredAsync(int times)
        {
            while (await _gathered.Reader.ReadAsync(TestContext.Current.CancellationToken) < times)
            {
            }
        }

        public Task<PreflightFacts> GatherAsync(string cluster, CancellationToken cancel)
        {
            _gathered.Writer.TryWrite(++_count);
            return Task.FromResult(Facts with { Now = time.GetUtcNow() });
        }
    }

    private sealed class Published : SilentReducer
    {
        private readonly Channel<ReadinessState> _all = Channel.CreateUnbounded<ReadinessState>();

        public ChannelReader<ReadinessState> Reader => _all.Reader;
        public override void Readiness(ReadinessState readiness) => _all.Writer.TryWrite(readiness);
    }
}
