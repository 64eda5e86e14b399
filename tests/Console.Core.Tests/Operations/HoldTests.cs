using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Time.Testing;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Tests.Operations;

/// <summary>Maintenance, pauses of automation and of monitoring.</summary>
public sealed class HoldTests
{
    [Fact]
    public async Task Holds_AreKeptUntilTheirEnd()
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        await using var fleet = await TestFleet.CreateAsync(clock);
        var automation = fleet.Node().Get<Automation>();

        await automation.SetAsync("region:us-east-1", Hold.Maintenance, "new disks", clock.GetUtcNow().AddHours(1), People.Operator);

        Assert.Equal("new disks", (await automation.HandsOffAsync(["region:us-east-1"]))!.Reason);
        Assert.Null(await automation.HandsOffAsync(["region:us-west-2"]));
        clock.Advance(TimeSpan.FromHours(2));
        Assert.Null(await automation.HandsOffAsync(["region:us-east-1"]));
        await automation.SetAsync(Automation.Fleet, Hold.AutomationPaused, "hands off", null, People.Operator);
        Assert.NotNull(await automation.HandsOffAsync(["region:us-west-2"]));
        var changes = await fleet.Node().Get<IChangeSource>().ReadAsync(clock.GetUtcNow().AddHours(-1), 10, default);
        Assert.Equal("Automation paused: fleet", Assert.Single(changes).Title);
        await Assert.ThrowsAsync<NotAllowedException>(() => automation.ClearAsync(Automation.Fleet, Hold.AutomationPaused, "x", People.Viewer));
    }

    [Theory]
    [InlineData("service:us-db", true)]
    [InlineData("region:us", true)]
    [InlineData("cluster:orders", true)]
    [InlineData("fleet", true)]
    [InlineData("service:us-api", false)]
    public void ScopesOf_Cluster_AreAllThatKeepItFromBeingMoved(string scope, bool holds) =>
        Assert.Equal(holds, Automation.ScopesOf(Failover.PreflightWorld.Fleet().Clusters["orders"]).Contains(scope));

    [Fact]
    public async Task MonitoringPause_OfACluster_CoversItsNodes()
    {
        await using var fleet = await TestFleet.CreateAsync(more: services => services.AddSingleton(Failover.PreflightWorld.Fleet()));
        var (automation, pause) = (fleet.Node().Get<Automation>(), fleet.Node().Get<MonitoringPause>());

        await automation.SetAsync("cluster:orders", Hold.MonitoringPaused, "new disks", null, People.Operator);
        await pause.RefreshAsync();

        Assert.Equal((true, true, false), (pause.Covers("us-db"), pause.Covers("eu-db"), pause.Covers("us-api")));
    }

    [Fact]
    public async Task MonitoringPause_UntilItsEnd_CoversWhatItNames()
    {
        var clock = new FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        await using var fleet = await TestFleet.CreateAsync(clock);
        var (automation, pause) = (fleet.Node().Get<Automation>(), fleet.Node().Get<MonitoringPause>());
        await automation.SetAsync("service:api", Hold.MonitoringPaused, "noisy", clock.GetUtcNow().AddMinutes(30), People.Operator);
        await automation.SetAsync("service:db", Hold.Maintenance, "new disks", null, People.Operator);
        await pause.RefreshAsync();
        Assert.Equal((true, false), (pause.Covers("api"), pause.Covers("db")));
        clock.Advance(TimeSpan.FromHours(1)); // ended, though nobody has read it again
        Assert.False(pause.Covers("api"));
        await automation.SetAsync(Automation.Fleet, Hold.MonitoringPaused, "move", null, People.Operator);
        await pause.RefreshAsync();
        Assert.True(pause.Covers("db"));
    }
}
