using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;
using OpsConsole.Fleet.Tests.Sandbox;

namespace OpsConsole.Fleet.Tests.Failover;

public sealed class AutomaticFailoverTests(SandboxFixture sandbox)
{
    [Theory]
    [InlineData("KILL")]
    [InlineData("STOP")]
    public async Task Detector_PrimaryLost_FailsOverByItselfAndLosesNothing(string signal)
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet);
        await console.SettledAsync();
        var source = console.Primary;
        await console.AutomaticAsync(true);
        await using var writer = await Writer.StartAsync(fleet);
        await Eventually.TrueAsync(() => writer.Count > 100, "writes");

        await fleet.SignalAsync(source, signal);
        var reader = console.Get<OperationReader>();
        using (var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20)))
        {
            while ((await reader.ListAsync(OperationKinds.Failover)).Count == 0)
            {
                if (deadline.IsCancellationRequested) Assert.Fail($"No failover began by itself:\n{console.Log}");
                await Task.Delay(50);
            }
        }
        var operation = await console.EndAsync((await reader.ListAsync(OperationKinds.Failover))[0].Id);
        await writer.StopAsync();

        var story = await console.StoryAsync(operation);
        TestContext.Current.TestOutputHelper?.WriteLine($"pause {writer.LongestPause.TotalMilliseconds:0} ms; {operation.Reason} {story}\n{console.Log}");
        Assert.True(operation.State == OperationState.Succeeded, story);
        var target = operation.Result["newPrimaryRegion"]!.GetValue<string>();
        Assert.Empty(await writer.LostAsync(target));
        Assert.Equal(0, operation.Result["lostHeartbeats"]!.GetValue<int>());
        await console.SettledAsync(target);
    }

    [Fact]
    public async Task Detector_ShortStall_DoesNothing()
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet);
        await console.SettledAsync();
        await console.AutomaticAsync(true);
        await Task.Delay(2000);
        for (var i = 0; i < 5; i++)
        {
            await fleet.SignalAsync(console.Primary, "STOP");
            await Task.Delay(250); // the stall itself
            await fleet.SignalAsync(console.Primary, "CONT");
            await Task.Delay(500);
        }
        Assert.Empty(await console.Get<OperationReader>().ListAsync(OperationKinds.Failover));
    }
}
