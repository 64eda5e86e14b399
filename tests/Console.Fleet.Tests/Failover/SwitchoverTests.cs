using OpsConsole.Core.Operations;
using OpsConsole.Fleet.Tests.Sandbox;

namespace OpsConsole.Fleet.Tests.Failover;

public sealed class SwitchoverTests(SandboxFixture sandbox)
{
    [Fact]
    public async Task Switchover_ThereAndBack_LosesNothingAndNoClientFails()
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet);
        await console.SettledAsync();
        var (source, target) = (console.Primary, console.Primary == "us-west-2" ? "us-east-1" : "us-west-2");
        foreach (var (from, to) in new[] { (source, target), (target, source) })
        {
            await using var writer = await Writer.StartAsync(fleet);
            await Eventually.TrueAsync(() => writer.Count > 20, "writes");

            var operation = await console.RunAsync(FailoverConsole.Request(from, to, planned: true));
            await writer.StopAsync();

            TestContext.Current.TestOutputHelper?.WriteLine($"pause {writer.LongestPause.TotalMilliseconds:0} ms; {await console.StoryAsync(operation)}");
            Assert.True(operation.State == OperationState.Succeeded, await console.StoryAsync(operation));
            Assert.Empty(writer.Errors);
            Assert.Empty(await writer.LostAsync(to));
            Assert.Equal(to, operation.Result["newPrimaryRegion"]!.GetValue<string>());
            Assert.Equal(0, operation.Result["lostHeartbeats"]!.GetValue<int>());
            Assert.InRange(writer.LongestPause.TotalSeconds, 0, 10); // a loaded machine; bench/failover holds the figures
            await console.SettledAsync(to);
        }
    }
}
