using System.Diagnostics;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Fleet.Tests.Sandbox;

namespace OpsConsole.Fleet.Tests.Failover;

public sealed class NodeHostTests(SandboxFixture sandbox) : IClassFixture<SandboxFixture>
{
    [Fact]
    public async Task Start_KilledServerLeftAnOrphanAndAPidThatIsAnothersNow_StartsAndLeavesTheOtherAlone()
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet);
        await console.SettledAsync();
        var region = LiveFleet.Regions.Last(r => r != console.Primary);
        var (postmaster, other) = (fleet.Postmaster(region), fleet.Postmaster(console.Primary));

        // One that stands still does not notice that its postmaster is gone, and keeps the shared memory.
        await RunAsync($"kill -STOP $(pgrep -o -P {postmaster}); kill -KILL {postmaster}; while kill -0 {postmaster} 2>/dev/null; do sleep 0.01; done");
        var file = Path.Combine(fleet.Data(region), "postmaster.pid");
        var lines = await File.ReadAllLinesAsync(file);
        lines[0] = other.ToString(System.Globalization.CultureInfo.InvariantCulture);
        await File.WriteAllLinesAsync(file, lines);

        await console.Get<NodeHost>().StartAsync("orders", region, TestContext.Current.CancellationToken);
        Assert.Equal(other, fleet.Postmaster(console.Primary));
        Assert.True(Directory.Exists($"/proc/{other}"));
        await console.SettledAsync();
    }

    private static async Task RunAsync(string command)
    {
        using var process = Process.Start("sh", ["-c", command]);
        await process.WaitForExitAsync();
    }
}
