using Microsoft.Extensions.Time.Testing;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health;
using OpsConsole.Core.Health.Probing;
using OpsConsole.Core.Live;
using OpsConsole.Core.Tests.Health;

namespace OpsConsole.Core.Tests.Live;

public sealed class FleetStateTests : IAsyncDisposable
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 12, 0, 0, TimeSpan.Zero);

    private readonly FakeTimeProvider _time = new(Start);
    private readonly FleetFeed _feed = new();
    private readonly RecordingSinks _sinks = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly FleetState _state;
    private readonly FleetSubscription _viewer;
    private readonly Task _running;
    private FleetSnapshot _seen;

    public FleetStateTests()
    {
        var fleet = new FleetModel(ProbedFleet.Options(1, ("db", ServiceTier.Critical), ("api", ServiceTier.High)));
        _state = new FleetState(fleet, ProbePlan.From(fleet), _feed, _sinks, _sinks, ProbedFleet.Settings(o => o.StartGraceSeconds = 0), _time);
        _viewer = _feed.Subscribe();
        _seen = _viewer.Snapshot;
        _running = _state.RunAsync(epoch: 7, _stop.Token);
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _running);
        _viewer.Dispose();
        _stop.Dispose();
    }

    [Fact(Timeout = 30_000)]
    public async Task Run_NothingSampled_EverythingIsUnknown()
    {
        var batch = await NextAsync();
        Assert.Equal(7, batch.Epoch);
        Assert.Equal(1, batch.Sequence);
        Assert.Equal(HealthStatus.Unknown, batch.Overall);
        Assert.All(_seen.Services.Values, s => Assert.Equal(HealthStatus.Unknown, s.Status));
        Assert.Equal(HealthStatus.Unknown, _seen.Regions["east"].Status);
    }

    [Fact(Timeout = 30_000)]
    public async Task Probed_FirstSuccesses_MakeServiceAndRegionHealthy()
    {
        await HealthyAsync();
        Assert.Equal(HealthStatus.Healthy, _seen.Services["db"].Status);
        Assert.Equal(100, _seen.Regions["east"].AvailabilityPercent);
        Assert.Contains(_sinks.Transitions, t => t is { Kind: "region", Key: "east", To: HealthStatus.Healthy });
    }

    [Fact(Timeout = 30_000)]
    public async Task Probed_FailuresInARow_FailOnlyAtTheThresholdAndRecoverAfterTwoSuccesses()
    {
        await HealthyAsync();
        await ProbeAsync(0, ProbeOutcome.Failure);
        await ProbeAsync(0, ProbeOutcome.Failure);
        Assert.NotEqual(HealthStatus.Failed, _seen.Services["db"].Status);
        await ProbeAsync(0, ProbeOutcome.Failure);
        Assert.Equal(HealthStatus.Failed, _seen.Services["db"].Status);
        Assert.Equal(CircuitState.Open, _seen.Services["db"].Circuit);
        Assert.Contains("refused", _seen.Services["db"].Reason, StringComparison.Ordinal);
        Assert.True(_seen.Regions["east"].Status >= HealthStatus.Critical);

        await ProbeAsync(0, ProbeOutcome.Success);
        Assert.Equal(HealthStatus.Failed, _seen.Services["db"].Status);
        Assert.Equal(CircuitState.HalfOpen, _seen.Services["db"].Circuit);
        await ProbeAsync(0, ProbeOutcome.Success);
        Assert.NotEqual(HealthStatus.Failed, _seen.Services["db"].Status);
        Assert.Equal(CircuitState.Closed, _seen.Services["db"].Circuit);
    }

    [Fact(Timeout = 30_000)]
    public async Task Tick_NoSampleForThreeIntervals_TurnsUnknownNeverStaysHealthy()
    {
        await HealthyAsync();
        await UntilAsync(() => _seen.Regions["east"].Status == HealthStatus.Unknown);
        Assert.All(_seen.Services.Values, s => Assert.Equal(HealthStatus.Unknown, s.Status));
        Assert.Null(_seen.Regions["east"].AvailabilityPercent);
    }

    [Fact(Timeout = 30_000)]
    public async Task Cluster_TwoObserversPosting_EachChangesItsPartAndVersionsGrow()
    {
        await NextAsync();
        _state.Cluster("orders", c => c with { PrimaryRegion = "east", Status = HealthStatus.Healthy });
        _state.Cluster("orders", c => c with { WriteAvailable = true });
        await UntilAsync(() => _seen.Clusters["orders"].WriteAvailable == true);
        Assert.Equal("east", _seen.Clusters["orders"].PrimaryRegion);
        var version = _seen.Clusters["orders"].Version;
        _state.Cluster("orders", c => c with { RpoSeconds = 0.4 });
        await UntilAsync(() => _seen.Clusters["orders"].RpoSeconds == 0.4);
        Assert.Equal(version + 1, _seen.Clusters["orders"].Version);
        _state.Cluster("orders", c => c with { RpoSeconds = 0.4 });
        await SettleAsync();
        Assert.Equal(version + 1, _seen.Clusters["orders"].Version);
    }

    [Fact(Timeout = 30_000)]
    public async Task RemoveLink_AfterRoleChange_LeavesThePicture()
    {
        _state.Link("orders", "east", "west", l => l with { State = "streaming", Status = HealthStatus.Healthy });
        await UntilAsync(() => _seen.Links.Count == 1);
        _state.RemoveLink("orders", "east", "west");
        await UntilAsync(() => _seen.Links.Count == 0);
        Assert.Empty(_feed.Current.Links);
    }

    [Fact(Timeout = 30_000)]
    public async Task ResetCircuit_OfAFailedService_LetsTheNextSampleDecide()
    {
        await HealthyAsync();
        for (var i = 0; i < 3; i++)
            await ProbeAsync(1, ProbeOutcome.Failure);
        Assert.Equal(CircuitState.Open, _seen.Services["api"].Circuit);
        _state.ResetCircuit("api");
        await UntilAsync(() => _seen.Services["api"].Circuit == CircuitState.Closed);
        Assert.Equal(HealthStatus.Unknown, _seen.Services["api"].Status);
        await ProbeAsync(1, ProbeOutcome.Success);
        Assert.NotEqual(HealthStatus.Failed, _seen.Services["api"].Status);
        Assert.NotEqual(HealthStatus.Unknown, _seen.Services["api"].Status);
    }

    [Fact(Timeout = 30_000)]
    public async Task Batches_Replayed_GiveTheCurrentPicture()
    {
        await HealthyAsync();
        for (var i = 0; i < 4; i++)
            await ProbeAsync(1, ProbeOutcome.ServerError);
        Assert.Equal(_feed.Current.Sequence, _seen.Sequence);
        Assert.Equal(_feed.Current.Services["api"], _seen.Services["api"]);
        Assert.Equal(_feed.Current.Overall, _seen.Overall);
    }

    private async Task HealthyAsync()
    {
        _state.Probed(Sample(0, ProbeOutcome.Success));
        _state.Probed(Sample(1, ProbeOutcome.Success));
        await UntilAsync(() => _seen.Regions.TryGetValue("east", out var east) && east.Status == HealthStatus.Healthy);
    }

    private async Task ProbeAsync(int probe, ProbeOutcome outcome)
    {
        _state.Probed(Sample(probe, outcome));
        await SettleAsync();
    }

    private ProbeSample Sample(int probe, ProbeOutcome outcome) =>
        new(probe, _time.GetUtcNow(), outcome, 2000, 0, outcome == ProbeOutcome.Success ? null : "connection refused");

    /// <summary>Waits until everything posted so far has been published: a component that is new each time comes last.</summary>
    private async Task SettleAsync()
    {
        var mark = Guid.NewGuid().ToString("N");
        _state.Component(mark, HealthStatus.Healthy, "", null);
        await UntilAsync(() => _seen.Components.ContainsKey(mark));
    }

    /// <summary>Reads batches, and lets time go by in steps of a batch's interval while none comes.</summary>
    private async Task UntilAsync(Func<bool> reached)
    {
        while (!reached())
        {
            var next = _viewer.Batches.WaitToReadAsync(TestContext.Current.CancellationToken).AsTask();
            while (await Task.WhenAny(next, Task.Delay(5)) != next)
                _time.Advance(TimeSpan.FromMilliseconds(100));
            await NextAsync();
        }
    }

    private async Task<ChangeBatch> NextAsync()
    {
        var batch = await _viewer.Batches.ReadAsync(TestContext.Current.CancellationToken);
        _seen = Snapshots.Apply(_seen, batch);
        return batch;
    }
}
