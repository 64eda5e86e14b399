using OpsConsole.Core.Operations;
using OpsConsole.Fleet.Tests.Sandbox;

namespace OpsConsole.Fleet.Tests.Failover;

/// <summary>Regions as far from each other as real ones: what is slow only by its way is neither lost nor left behind.</summary>
public sealed class FarFailoverTests(FarSandboxFixture sandbox) : IClassFixture<FarSandboxFixture>
{
    [Fact]
    public async Task Detector_PrimaryLostFarAway_FailsOverByItselfWithEveryStandbyAndBringsItBack()
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet);
        await console.SettledAsync();
        var source = console.Primary;
        await console.ArmedAsync();
        await using var writer = await Writer.StartAsync(fleet);
        await Eventually.TrueAsync(() => writer.Count > 50, "writes");
        Assert.Empty(await console.Get<OperationReader>().ListAsync(OperationKinds.Failover)); // far away is not lost

        await fleet.SignalAsync(source, "KILL");
        var operation = await console.EndAsync((await console.FirstFailoverAsync()).Id);
        await writer.StopAsync();

        var story = await console.StoryAsync(operation);
        TestContext.Current.TestOutputHelper?.WriteLine($"pause {writer.LongestPause.TotalMilliseconds:0} ms; {operation.Reason} {story}");
        Assert.True(operation.State == OperationState.Succeeded, story);
        Assert.DoesNotContain("not in reach", story, StringComparison.Ordinal);
        var target = operation.Result["newPrimaryRegion"]!.GetValue<string>();
        Assert.Empty(await writer.LostAsync(target));
        await Eventually.TrueAsync(async () => await fleet.StandbysOfAsync(target) == 3, $"all standbys follow {target}", TimeSpan.FromSeconds(60));
    }
}
