using OpsConsole.Fleet.Tests.Sandbox;
using OpsConsole.Testing.Failover;

namespace OpsConsole.Fleet.Tests.Failover;

/// <summary>The real console, two of it, killed in the middle of a failover.</summary>
public sealed class ConsoleKilledTests
{
    [Fact]
    public async Task Failover_ConsoleKilledMidway_IsFinishedByTheOtherOrByItsRestart()
    {
        await using var scene = await Scene.StartAsync(SandboxFixture.FreePortBase(), consoles: 2, latency: false, ["Failover:Detection:CooldownSeconds=0"]);
        await scene.SettledAsync();
        await scene.Api.EnableAutomaticAsync("orders");
        foreach (var both in new[] { false, true })
        {
            var source = await scene.SettledAsync();
            var heard = Enumerable.Range(0, 2).Select(n => Runs(scene.Fleet.ConsoleLog(n))).ToList();
            await FleetUnderTest.SignalAsync(scene.Fleet.Postmaster(source), "KILL");
            var runner = -1;
            await Eventually.TrueAsync(() => (runner = Enumerable.Range(0, 2).FirstOrDefault(n => Runs(scene.Fleet.ConsoleLog(n)) > heard[n], -1)) >= 0, "a failover runs");
            var pids = scene.Fleet.ConsolePids;
            await FleetUnderTest.ShellAsync($"kill -KILL {(both ? string.Join(' ', pids) : pids[runner])}");

            await Eventually.TrueAsync(async () => await EndedAsync(scene), "every failover has ended", TimeSpan.FromSeconds(90));
            var primary = await scene.SettledAsync();
            Assert.NotEqual(source, primary);
            Assert.Empty(await Invariants.LostAsync(scene.Fleet, primary, scene.Writer));
            Assert.Empty(await Invariants.LostAsync(scene.Fleet, primary, scene.Direct));
            Assert.Equal(0, Invariants.TwoPrimaries(scene.Writer, scene.Direct));
        }
    }

    private static int Runs(string log) => File.ReadLines(log).Count(l => l.Contains("(failover) runs here", StringComparison.Ordinal));

    private static async Task<bool> EndedAsync(Scene scene)
    {
        try
        {
            return (await scene.Api.FailoversAsync()) is { Count: > 0 } failovers && failovers.All(o => (string?)o["state"] is "succeeded" or "failed" or "rolledBack" or "cancelled");
        }
        catch (HttpRequestException)
        {
            return false; // it is being started again
        }
    }
}
