using System.Diagnostics;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Failover;
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

    [Fact]
    public async Task ShutDown_Primary_EndsWithItsLastCheckpointAndStartsAgain()
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet);
        await console.SettledAsync();
        var (region, hosts) = (console.Primary, console.Get<NodeHost>());
        Assert.True(hosts.Offers(region, NodeHost.ShutDown));

        var last = await hosts.ShutDownAsync("orders", region, TestContext.Current.CancellationToken);
        Assert.True(last is { State: "shut down" }, last?.State);
        Assert.Equal(last, await hosts.StopAsync("orders", region, TestContext.Current.CancellationToken)); // nothing was written after it
        Assert.False(File.Exists(Path.Combine(fleet.Data(region), "postmaster.pid")));
        await hosts.StartAsync("orders", region, TestContext.Current.CancellationToken);
        await console.SettledAsync(region);
        await Eventually.TrueAsync(async () => await fleet.AskAsync<bool>(fleet.Node(region), "SELECT last_failed_time IS NULL OR last_archived_time > last_failed_time FROM pg_stat_archiver"), "the archiver goes on");
    }

    [Fact]
    public async Task FillSegment_LeavesLittleOfIt_AndOnlyOnce()
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet);
        await console.SettledAsync();
        var node = fleet.Node(console.Primary);
        await using var connection = new Npgsql.NpgsqlConnection(node);
        await connection.OpenAsync(TestContext.Current.CancellationToken);
        await fleet.AskAsync<string>(node, "SELECT pg_switch_wal()::text");
        var size = await fleet.AskAsync<long>(node, "SELECT pg_size_bytes(current_setting('wal_segment_size'))");

        var written = await LogSegment.FillAsync(connection, TimeSpan.FromSeconds(20), TimeProvider.System, TestContext.Current.CancellationToken);
        var rest = size - await fleet.AskAsync<long>(node, "SELECT mod(pg_current_wal_insert_lsn() - '0/0', pg_size_bytes(current_setting('wal_segment_size')))::bigint");

        Assert.InRange(written, size / 2, size);
        Assert.InRange(rest, 1, size / 8);
        Assert.Equal(0, await LogSegment.FillAsync(connection, TimeSpan.FromSeconds(20), TimeProvider.System, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Copy_AnEarlierCommandIsStillAtWork_WaitsForIt()
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet);
        await console.SettledAsync();
        var (region, cancel) = (LiveFleet.Regions.Last(r => r != console.Primary), TestContext.Current.CancellationToken);
        await RunAsync($"touch {fleet.Data(region)}.lock; chown --reference={fleet.Data(region)} {fleet.Data(region)}.lock");
        using var earlier = Process.Start(new ProcessStartInfo("flock", [$"{fleet.Data(region)}.lock", "sh", "-c", "echo held; read -r end"]) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
        Assert.Equal("held", await earlier.StandardOutput.ReadLineAsync(cancel));

        var copy = console.Get<OldPrimary>().CopyAfreshAsync("orders", region, console.Primary, "", _ => Task.CompletedTask, cancel);
        await Eventually.TrueAsync(async () => await RunAsync($"grep -q -- \"-> FLOCK.*:$(stat -c %i {fleet.Data(region)}.lock) \" /proc/locks") == 0, "the copy waits at the lock");
        Assert.False(Directory.Exists($"{fleet.Data(region)}.new")); // nothing is begun
        await earlier.StandardInput.WriteLineAsync("end");
        await copy;
        await console.SettledAsync();
    }

    private static async Task<int> RunAsync(string command)
    {
        using var process = Process.Start("sh", ["-c", command]);
        await process.WaitForExitAsync();
        return process.ExitCode;
    }
}
