using OpsConsole.Core.Operations;
using OpsConsole.Fleet.Tests.Sandbox;

namespace OpsConsole.Fleet.Tests.Failover;

public sealed class CrashFailoverTests(SandboxFixture sandbox) : IClassFixture<SandboxFixture>
{
    [Theory]
    [InlineData("KILL")]
    [InlineData("STOP")]
    public async Task Failover_PrimaryKilledOrStopped_LosesNoAcknowledgedRowAndRejoinsTheOldOne(string signal)
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet);
        await console.SettledAsync();
        var source = console.Primary;
        var target = LiveFleet.Regions.First(r => r != source);
        await using var writer = await Writer.StartAsync(fleet);
        await Eventually.TrueAsync(() => writer.Count > 20, "writes");

        await fleet.SignalAsync(source, signal);
        await Eventually.TrueAsync(() => console.Picture.Clusters["orders"].Nodes.Any(n => n.Region == source && !n.Reachable), "the loss is seen");
        var operation = await console.RunAsync(FailoverConsole.Request(source, target, planned: false));
        var story = await console.StoryAsync(operation);
        TestContext.Current.TestOutputHelper?.WriteLine(story);
        Assert.True(operation.State == OperationState.Succeeded, story);
        var before = writer.Count;
        await Eventually.TrueAsync(() => writer.Count > before + 20, "writes after the failover");
        await writer.StopAsync();

        Assert.Empty(await writer.LostAsync(target));
        Assert.Equal(0, operation.Result["lostHeartbeats"]!.GetValue<int>());
        await console.SettledAsync(target);
        Assert.True(await fleet.AskAsync<bool>(fleet.Node(source), "SELECT pg_is_in_recovery()"));
        // The fence is taken away again: clients may read there.
        Assert.Equal(1, await fleet.AskAsync<int>(fleet.NodeAsApplication(source), "SELECT 1"));
    }
}
