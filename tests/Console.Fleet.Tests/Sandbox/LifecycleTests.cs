using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using OpsConsole.Sandbox.Layout;
using OpsConsole.Sandbox.Processes;

namespace OpsConsole.Fleet.Tests.Sandbox;

/// <summary>Start, stop, crash and return of the sandbox as a process.</summary>
public sealed class LifecycleTests : IDisposable
{
    private const string Declared = "us-east-1";
    private const string Second = "us-west-2";
    private readonly string _directory = SandboxFixture.TemporaryDirectory();

    public void Dispose() => Directory.Delete(_directory, recursive: true);

    [Theory]
    [InlineData("INT")]
    [InlineData("TERM")]
    public async Task Signal_ToTheSandbox_LeavesNothingRunning(string signal)
    {
        await using var sandbox = await RunningSandbox.StartAsync(_directory, SandboxFixture.FreePortBase());
        var clock = Stopwatch.StartNew();
        await sandbox.SignalAsync(signal);
        Assert.Equal(0, await sandbox.EndedAsync());
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), $"Ended after {clock.Elapsed.TotalSeconds} s.");
        Assert.Equal("", await sandbox.LeftoversAsync());
    }

    [Fact]
    public async Task Kill_OfTheSandbox_WatchdogEndsTheRest_AndTheNextStartKeepsRowsAndRoles()
    {
        var ports = SandboxFixture.FreePortBase();
        await using (var sandbox = await RunningSandbox.StartAsync(_directory, ports))
        {
            await sandbox.WriteAsync("CREATE TABLE kept (id int)");
            await sandbox.WriteAsync("INSERT INTO kept VALUES (7)");
            await Command.RequireAsync(["kill", "-STOP", $"{sandbox.Postmaster("eu-west-1")}"]); // a frozen process must end, too
            await sandbox.SignalAsync("KILL");
            await sandbox.EndedAsync();
            await Eventually.TrueAsync(async () => await sandbox.LeftoversAsync() == "", "nothing is left after SIGKILL");
        }

        // Another base: addresses in the directory are old now.
        await using var again = await RunningSandbox.StartAsync(_directory, SandboxFixture.FreePortBase());
        Assert.Equal(7, await again.WriteAsync("SELECT id FROM kept"));
        Assert.Equal(false, await again.QueryRegionAsync(Declared, "SELECT pg_is_in_recovery()"));
    }

    [Fact]
    public async Task Start_AfterAPromotionWithoutTheOldPrimary_KeepsTheNewPrimaryAndDemotesTheOld()
    {
        await using (var sandbox = await RunningSandbox.StartAsync(_directory, SandboxFixture.FreePortBase()))
        {
            await sandbox.WriteAsync("CREATE TABLE kept (id int)");
            await Command.RequireAsync(["kill", "-9", $"{sandbox.Postmaster(Declared)}"]);
            await Eventually.TrueAsync(() => sandbox.Postmaster(Declared) is null, "endpoints.json says that the primary is gone");
            var administrator = Administrator(sandbox, Second);
            await OrdersStatementAsync(administrator, "SELECT pg_promote()");
            await OrdersStatementAsync(administrator, "SET synchronous_commit = local; INSERT INTO kept VALUES (8)"); // nobody follows it yet
        }

        await using var again = await RunningSandbox.StartAsync(_directory, SandboxFixture.FreePortBase());
        Assert.Equal(false, await again.QueryRegionAsync(Second, "SELECT pg_is_in_recovery()"));
        Assert.Equal(true, await again.QueryRegionAsync(Declared, "SELECT pg_is_in_recovery()"));
        Assert.Equal(8, await again.WriteAsync("SELECT id FROM kept"));
        await again.WriteAsync("INSERT INTO kept VALUES (9)");
        await Eventually.TrueAsync(async () => (long)(await again.QueryRegionAsync(Declared, "SELECT count(*) FROM kept"))! == 2, "the old primary follows the new one");
    }

    [Fact]
    public async Task Postmaster_StartedThroughItsHostsShell_IsInEndpointsAndEndsWithTheSandbox()
    {
        await using var sandbox = await RunningSandbox.StartAsync(_directory, SandboxFixture.FreePortBase());
        Assert.All(Sites.Regions, r => Assert.Equal("postgres", File.ReadAllText($"/proc/{sandbox.Postmaster(r.Id)}/comm").Trim()));
        var before = sandbox.Postmaster("eu-west-1");
        await ShellAsync("eu-west-1", "postgres.kill");
        await Eventually.TrueAsync(() => sandbox.Postmaster("eu-west-1") is null, "the killed postmaster is gone from endpoints.json");
        await ShellAsync("eu-west-1", "postgres.start");
        await Eventually.TrueAsync(() => sandbox.Postmaster("eu-west-1") is { } now && now != before, "the new postmaster is in endpoints.json");
        await Eventually.TrueAsync(
            async () => (long)(await sandbox.QueryRegionAsync(Declared, "SELECT count(*) FROM pg_stat_replication"))! == 3, "it streams again");

        await sandbox.SignalAsync("TERM");
        await sandbox.EndedAsync();
        Assert.Equal("", await sandbox.LeftoversAsync());
    }

    [Fact]
    public async Task TwoSandboxes_SideBySide_DoNotMeet()
    {
        var other = SandboxFixture.TemporaryDirectory();
        try
        {
            await using var first = await RunningSandbox.StartAsync(_directory, SandboxFixture.FreePortBase());
            await using (var second = await RunningSandbox.StartAsync(other, SandboxFixture.FreePortBase()))
            {
                await second.WriteAsync("CREATE TABLE only_here (id int)");
                await second.SignalAsync("KILL");
                await second.EndedAsync();
                await Eventually.TrueAsync(async () => await second.LeftoversAsync() == "", "the second one is gone");
            }
            Assert.Equal(1, await first.WriteAsync("SELECT 1"));
            Assert.Equal(DBNull.Value, await first.WriteAsync("SELECT to_regclass('only_here')::text"));
        }
        finally
        {
            Directory.Delete(other, recursive: true);
        }
    }

    [Fact]
    public async Task Start_OverTheDirectoryOfARunningOne_IsRefused()
    {
        await using var first = await RunningSandbox.StartAsync(_directory, SandboxFixture.FreePortBase());
        await using var second = RunningSandbox.Launch(_directory, SandboxFixture.FreePortBase());
        Assert.Equal(1, await second.EndedAsync());
        Assert.Contains("Another sandbox is running", second.Output, StringComparison.Ordinal);
        Assert.Equal(1, await first.WriteAsync("SELECT 1"));
    }

    [Fact]
    public async Task Start_WithATakenPort_NamesItAndTheWayOut()
    {
        var ports = SandboxFixture.FreePortBase();
        using var taken = new TcpListener(IPAddress.Loopback, new PortPlan(ports).PgBouncer);
        taken.Start();
        await using var sandbox = RunningSandbox.Launch(_directory, ports);
        Assert.Equal(1, await sandbox.EndedAsync());
        Assert.Contains($"Port {new PortPlan(ports).PgBouncer} is taken", sandbox.Output, StringComparison.Ordinal);
        Assert.Contains("--port-base", sandbox.Output, StringComparison.Ordinal);
    }

    private static string Administrator(RunningSandbox sandbox, string region) =>
        $"host=127.0.0.1 port={new PortPlan(sandbox.PortBase).Postgres(region)} user=opsconsole dbname=orders";

    private Task OrdersStatementAsync(string conninfo, string sql) => Command.RequireAsync(
        ["psql", conninfo, "-qAt", "-c", sql],
        new Dictionary<string, string> { ["PGPASSWORD"] = File.ReadAllText(Path.Combine(_directory, "secrets", "postgres-operator")) });

    // As the console does it: the declared command, over SSH, with the declared key, through the declared address.
    private async Task ShellAsync(string region, string command)
    {
        var fleet = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(_directory, "fleet.json")))!["Fleet"]!;
        var shell = fleet["Regions"]!.AsArray().First(r => (string)r!["Id"]! == region)!["Shell"]!;
        await Command.RequireAsync(
            ["ssh", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "BatchMode=yes", "-o", "LogLevel=ERROR",
                "-i", (string)shell["KeyFile"]!, "-p", $"{shell["Port"]}", $"{shell["User"]}@{shell["Host"]}", (string)shell["Commands"]![command]!]);
    }
}
