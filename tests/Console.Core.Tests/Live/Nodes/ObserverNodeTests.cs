using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health;
using OpsConsole.Core.Health.Probing;
using OpsConsole.Core.Health.Telemetry;
using OpsConsole.Core.Live;
using OpsConsole.Core.Live.Nodes;
using OpsConsole.Core.Tests.Health;
using OpsConsole.Testing;

namespace OpsConsole.Core.Tests.Live.Nodes;

public class ObserverNodeTests
{
    private static readonly FleetOptions Fleet = ProbedFleet.Options(60, ("api", ServiceTier.High));

    [Fact(Timeout = 120_000)]
    public async Task Run_TwoNodes_OneLeadsTheOtherFollowsTheSamePictureAndTakesOverAtOnceWhenItStops()
    {
        await using var database = await TestDatabase.CreateAsync(TelemetryDb.ConsoleSchema);
        var first = new TestNode(database.Console, Fleet);
        await first.Leading.Task;
        await using var second = new TestNode(database.Console, Fleet);
        first.State.Component("edge", HealthStatus.Healthy, "before anybody follows", null);
        await second.UntilAsync(s => s.Components.ContainsKey("edge"));
        first.State.Link("orders", "east", "west", l => l with { State = "streaming" });
        first.State.Probed(new ProbeSample(0, TimeProvider.System.GetUtcNow(), ProbeOutcome.Success, 1500));
        await second.UntilAsync(s => s.Services["api"].Status == HealthStatus.Healthy && s.Links.Count == 1);
        first.State.RemoveLink("orders", "east", "west");
        var followed = await second.UntilAsync(s => s.Links.Count == 0);
        Assert.True(first.Node.Leads);
        Assert.False(second.Node.Leads);
        Assert.Equal(first.Feed.Current.Epoch, followed.Epoch);
        Assert.Equal(first.Feed.Current.Services["api"].Version, followed.Services["api"].Version);

        await first.DisposeAsync();
        await second.Leading.Task;
        var led = await second.UntilAsync(s => s.Epoch > followed.Epoch);
        Assert.Equal(HealthStatus.Healthy, led.Services["api"].Status);
        Assert.True(led.Components.ContainsKey("edge"));
    }

    [Fact(Timeout = 120_000)]
    public async Task Run_HolderDiedWithoutAWord_IsReplacedWithinFiveSeconds()
    {
        await using var database = await TestDatabase.CreateAsync(TelemetryDb.ConsoleSchema);
        var dead = new ObserverLease(database.Console, ProbedFleet.Settings());
        await using var node = new TestNode(database.Console, Fleet);
        await node.Leading.Task;
        // As if another had held it and been killed right after a renewal.
        await database.ExecuteAsSuperuserAsync($"UPDATE telemetry.lease SET holder = '{dead.Holder}', epoch = epoch + 1, expires = clock_timestamp() + interval '3 s'");
        var died = TimeProvider.System.GetTimestamp();
        var epoch = node.Feed.Current.Epoch;
        await node.UntilAsync(s => s.Epoch == epoch + 2);
        Assert.True(TimeProvider.System.GetElapsedTime(died) < TimeSpan.FromSeconds(5), $"took {TimeProvider.System.GetElapsedTime(died)}");
    }

    [Fact(Timeout = 120_000)]
    public async Task Run_DatabaseAway_TheLeaderGoesOnObserving()
    {
        await using var database = await TestDatabase.CreateAsync(TelemetryDb.ConsoleSchema);
        await using var node = new TestNode(database.Console, Fleet);
        await node.Leading.Task;
        var epoch = node.Feed.Current.Epoch;
        await database.ExecuteAsSuperuserAsync("ALTER TABLE telemetry.lease RENAME TO away; ALTER TABLE telemetry.transition RENAME TO away_too");
        await node.UntilAsync(s => s.Components.TryGetValue(TelemetryWriter.ComponentName, out var c) && c.Status == HealthStatus.Healthy);
        node.State.Probed(new ProbeSample(0, TimeProvider.System.GetUtcNow(), ProbeOutcome.Success, 1500));
        await node.UntilAsync(s => s.Components[TelemetryWriter.ComponentName].Status == HealthStatus.Degraded);
        Assert.Equal(HealthStatus.Healthy, node.Feed.Current.Services["api"].Status);

        await database.ExecuteAsSuperuserAsync("ALTER TABLE telemetry.away RENAME TO lease; ALTER TABLE telemetry.away_too RENAME TO transition");
        await node.UntilAsync(s => s.Components[TelemetryWriter.ComponentName].Status == HealthStatus.Healthy);
        Assert.Equal(epoch, node.Feed.Current.Epoch);
        Assert.True(node.Node.Leads);
    }

    [Fact(Timeout = 120_000)]
    public async Task Start_AfterARestart_WindowsAreFilledFromStoredSamples()
    {
        await using var database = await TestDatabase.CreateAsync(TelemetryDb.ConsoleSchema);
        var often = ProbedFleet.Options(10, ("api", ServiceTier.High));
        await new SeriesIds(database.Console).ProbesAsync(ProbePlan.From(new FleetModel(often)), default);
        await database.ExecuteAsSuperuserAsync("INSERT INTO telemetry.sample SELECT now() - i * interval '1 s', (SELECT id FROM telemetry.probe), 1000000, 1, 0 FROM generate_series(1, 9) i");
        await using var node = new TestNode(database.Console, often);
        await node.Leading.Task;
        node.State.Probed(new ProbeSample(0, TimeProvider.System.GetUtcNow(), ProbeOutcome.Success, 1500));
        var seen = await node.UntilAsync(s => s.Services["api"].Status == HealthStatus.Healthy);
        Assert.Equal(10, seen.Services["api"].AvailabilityPercent);
        Assert.Equal(90, seen.Services["api"].ErrorRatePercent);
    }

    [Fact(Timeout = 120_000)]
    public async Task ResetCircuit_FromAnotherNode_ReachesTheOneThatObserves()
    {
        await using var database = await TestDatabase.CreateAsync(TelemetryDb.ConsoleSchema);
        await using var leader = new TestNode(database.Console, Fleet);
        await leader.Leading.Task;
        await using var other = new TestNode(database.Console, Fleet);
        var now = TimeProvider.System.GetUtcNow();
        foreach (var outcome in new[] { ProbeOutcome.Success, ProbeOutcome.Failure, ProbeOutcome.Failure, ProbeOutcome.Failure })
            leader.State.Probed(new ProbeSample(0, now, outcome, 1000));
        await other.UntilAsync(s => s.Services.TryGetValue("api", out var api) && api.Circuit == CircuitState.Open);
        await other.Commands.ResetCircuitAsync("api");
        await other.UntilAsync(s => s.Services["api"].Circuit == CircuitState.Closed);
    }

    [Fact]
    public void Take_BatchOfAnOlderEpochOrAfterAGap_IsDropped()
    {
        var feed = new FleetFeed();
        var follower = new BatchFollower(null!, feed, TimeProvider.System);
        follower.Take(Batch(5, 1, "a"), snapshot: false);
        follower.Take(Batch(5, 2, "b"), snapshot: false);
        follower.Take(Batch(4, 3, "old"), snapshot: false);
        follower.Take(Batch(5, 2, "again"), snapshot: false);
        follower.Take(Batch(5, 4, "late"), snapshot: false);
        Assert.Equal(["a", "b"], feed.Current.Components.Keys);
        follower.Take(Batch(5, 5, "x"), snapshot: true);
        Assert.Equal((5, 5), (feed.Current.Epoch, feed.Current.Sequence));
        Assert.Equal(["x"], feed.Current.Components.Keys);
        follower.Take(Batch(6, 1, "y"), snapshot: false);
        Assert.Equal((6, 1), (feed.Current.Epoch, feed.Current.Sequence));
    }

    private static ChangeBatch Batch(long epoch, long sequence, string component) =>
        new(epoch, sequence, DateTimeOffset.UnixEpoch, HealthStatus.Healthy, [new ComponentState(component, HealthStatus.Healthy, "", null, 1)]);
}
