using System.Net.Http.Json;
using System.Text.Json.Nodes;
using Npgsql;
using OpsConsole.Fleet.Tests.Sandbox;
using OpsConsole.Testing.Failover;

namespace OpsConsole.Fleet.Tests.Failover;

/// <summary>The real console, two of it, killed in the middle of an operation of each kind.</summary>
public sealed class ConsoleKilledTests(ConsoleKilledTests.Consoles consoles) : IClassFixture<ConsoleKilledTests.Consoles>
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(120);
    private readonly Scene _scene = consoles.Scene;

    [Fact]
    public async Task Failover_ConsoleKilledMidway_IsFinishedByTheOtherOrByItsRestart()
    {
        await _scene.SettledAsync();
        await _scene.Api.EnableAutomaticAsync("orders");
        foreach (var both in new[] { false, true })
        {
            var source = await _scene.SettledAsync();
            var heard = Enumerable.Range(0, 2).Select(n => Runs(_scene.Fleet.ConsoleLog(n))).ToList();
            await FleetUnderTest.SignalAsync(_scene.Fleet.Postmaster(source), "KILL");
            var runner = -1;
            await Eventually.TrueAsync(() => (runner = Enumerable.Range(0, 2).FirstOrDefault(n => Runs(_scene.Fleet.ConsoleLog(n)) > heard[n], -1)) >= 0, "a failover runs");
            await KillAsync(both ? null : runner);

            await Eventually.TrueAsync(async () => await EndedAsync(), "every failover has ended", TimeSpan.FromSeconds(90));
            var primary = await _scene.SettledAsync();
            Assert.NotEqual(source, primary);
            await NothingLostAsync(primary);
        }
    }

    [Fact]
    public async Task Switchover_ConsolesKilledMidway_SaysAllTheSameHowLongWritesPaused()
    {
        var source = await _scene.SettledAsync();
        await _scene.Api.EnableAutomaticAsync("orders", enabled: false); // with it heartbeats are counted all the time
        var killed = await KilledMidwayAsync(await _scene.Api.SwitchAsync(source, _scene.Fleet.Regions.First(r => r != source)));

        var result = killed["result"]!;
        Assert.True((string?)killed["state"] == "succeeded" && (double?)result["measuredRtoSeconds"] > 0 && (string?)result["newPrimaryRegion"] != source, killed.ToJsonString());
        Assert.Equal(0, (long)result["lostBytes"]!);
        await NothingLostAsync(await _scene.SettledAsync());
    }

    [Fact]
    public async Task BackupAndRestore_ConsolesKilledMidway_EndAndLeaveNothingHalfMade()
    {
        var primary = await _scene.SettledAsync();
        var killed = await KilledMidwayAsync((string)(await _scene.Api.PostAsync("backups", new JsonObject { ["cluster"] = "orders", ["type"] = "full", ["engine"] = "streaming" }))["operationId"]!);
        var backups = (await _scene.Api.GetAsync("backups"))["items"]!.AsArray();
        Assert.Equal((string)killed["state"]! == "succeeded" ? 1 : 0, backups.Count(b => (string?)b!["state"] is not "failed"));
        await Eventually.TrueAsync(async () => await _scene.Fleet.AskAsync(primary, "SELECT count(*) FROM pg_stat_progress_basebackup") == 0, "nobody reads the database any more");

        // Nothing stands in the way of the next one, and it can be restored.
        var whole = await EndAsync("backups", new JsonObject { ["cluster"] = "orders", ["type"] = "full", ["engine"] = "streaming" });
        Assert.True((string?)whole["state"] == "succeeded", whole.ToJsonString());
        var call = new JsonObject { ["cluster"] = "orders", ["backupId"] = (string)whole["result"]!["backupId"]!, ["destination"] = "new", ["reason"] = "test" };
        call["planHash"] = (string)(await _scene.Api.PostAsync("restores/preview", call.DeepClone().AsObject()))["plan"]!["hash"]!;
        var restore = await KilledMidwayAsync((string)(await _scene.Api.PostAsync("restores", call))["operationId"]!, step: 0);
        if ((string?)restore["state"] == "succeeded")
        {
            var restored = new NpgsqlConnectionStringBuilder(Libpq((string)restore["result"]!["connection"]!)) { Pooling = false };
            await using var connection = new NpgsqlConnection(restored.ConnectionString);
            await connection.OpenAsync();
            await using var count = new NpgsqlCommand($"SELECT count(*) FROM {_scene.Writer.Table}", connection);
            Assert.True((long)(await count.ExecuteScalarAsync())! > 0);
        }
        else
        {
            Assert.Equal("rolledBack", (string?)restore["state"]);
            await Eventually.TrueAsync(() => Directory.EnumerateFiles(Path.Combine(_scene.Fleet.Root, "sites"), "postmaster.pid", SearchOption.AllDirectories).Count() == _scene.Fleet.Regions.Count, "no instance of the restore is left");
        }
        await NothingLostAsync(await _scene.SettledAsync());
    }

    [Fact]
    public async Task ExperimentAndDrill_ConsolesKilledMidway_EndAndNoFaultIsLeft()
    {
        await _scene.SettledAsync();
        var call = new JsonObject { ["durationSeconds"] = 60, ["reason"] = "test" };
        call["planHash"] = (string)(await _scene.Api.PostAsync("experiments/network-latency/preview", call.DeepClone().AsObject()))["plan"]!["hash"]!;
        var id = (string)(await _scene.Api.PostAsync("experiments/network-latency/run", call))["operationId"]!;
        await Eventually.TrueAsync(async () => await ToxicsAsync() > 0, "the fault is there", TimeSpan.FromSeconds(30));
        var experiment = await KilledMidwayAsync(id);
        Assert.True((string?)experiment["result"]!["cleanUp"] == "passed", experiment.ToJsonString());
        Assert.Equal(0, await ToxicsAsync());

        var source = await _scene.SettledAsync();
        var asked = await _scene.Api.PostAsync("drills/databaseFailover/run", new JsonObject { ["source"] = source, ["target"] = _scene.Fleet.Regions.First(r => r != source), ["reason"] = "test" });
        await ApproveAsync(asked);
        var drill = await KilledMidwayAsync((string)asked["operationId"]!);
        Assert.Contains((string?)drill["state"], new[] { "succeeded", "failed", "rolledBack" });
        var primary = await _scene.SettledAsync();
        Assert.True(primary == source, drill.ToJsonString()); // the drill's own move was taken back
        await NothingLostAsync(primary);
    }

    private async Task<JsonNode> EndAsync(string path, JsonObject call) => await _scene.Api.EndAsync((string)(await _scene.Api.PostAsync(path, call))["operationId"]!, Limit);

    /// <summary>Both consoles are killed while a step of the operation runs: that one or a later.</summary>
    private async Task<JsonNode> KilledMidwayAsync(string id, int step = 1)
    {
        JsonNode operation = new JsonObject();
        await Eventually.TrueAsync(async () => (operation = await _scene.Api.GetAsync($"operations/{id}"))["endedAt"] is not null || operation["steps"]!.AsArray().Skip(step).Any(s => (string?)s!["state"] == "running"),
            "a step runs", TimeSpan.FromSeconds(60));
        Assert.True(operation["endedAt"] is null, operation.ToJsonString());
        await KillAsync(null);
        return await _scene.Api.EndAsync(id, Limit);
    }

    private async Task ApproveAsync(JsonNode asked)
    {
        if ((string?)asked["approvalId"] is not { } approval) return;
        var hash = (string)(await _scene.Api.GetAsync($"operations/{(string)asked["operationId"]!}"))["planHash"]!;
        await _scene.Api.PostAsync($"approvals/{approval}/approve", new JsonObject { ["planHash"] = hash, ["comment"] = "test" }, "approver1");
    }

    /// <param name="console">null: both</param>
    private Task KillAsync(int? console)
    {
        var pids = _scene.Fleet.ConsolePids;
        return FleetUnderTest.ShellAsync($"kill -KILL {(console is { } one ? pids[one] : string.Join(' ', pids))}");
    }

    private async Task NothingLostAsync(string primary)
    {
        Assert.Empty(await Invariants.LostAsync(_scene.Fleet, primary, _scene.Writer));
        Assert.Empty(await Invariants.LostAsync(_scene.Fleet, primary, _scene.Direct));
        Assert.Equal(0, Invariants.TwoPrimaries(_scene.Writer, _scene.Direct));
    }

    /// <summary>Faults at the proxies, asked past the console.</summary>
    private async Task<int> ToxicsAsync()
    {
        using var http = new HttpClient();
        return (await http.GetFromJsonAsync<JsonObject>($"{_scene.Fleet.NetworkApi.TrimEnd('/')}/proxies"))!.Sum(p => p.Value!["toxics"]!.AsArray().Count);
    }

    private static string Libpq(string uri)
    {
        var at = new Uri(uri);
        var user = at.UserInfo.Split(':');
        return new NpgsqlConnectionStringBuilder { Host = at.Host, Port = at.Port, Username = Uri.UnescapeDataString(user[0]), Password = Uri.UnescapeDataString(user[1]), Database = at.AbsolutePath.Trim('/') }.ConnectionString;
    }

    private static int Runs(string log) => File.ReadLines(log).Count(l => l.Contains("(failover) runs here", StringComparison.Ordinal));

    private async Task<bool> EndedAsync()
    {
        try
        {
            return (await _scene.Api.FailoversAsync()) is { Count: > 0 } failovers && failovers.All(o => (string?)o["state"] is "succeeded" or "failed" or "rolledBack" or "cancelled");
        }
        catch (HttpRequestException)
        {
            return false; // it is being started again
        }
    }

    /// <summary>A fleet of its own with two consoles.</summary>
    public sealed class Consoles : IAsyncLifetime
    {
        private Scene? _scene;

        public Scene Scene => _scene ?? throw new InvalidOperationException("Not started.");

        public async ValueTask InitializeAsync() => _scene = await Scene.StartAsync(SandboxFixture.FreePortBase(), consoles: 2, latency: false, ["Failover:Detection:CooldownSeconds=0", "Chaos:BaselineSeconds=2", "Chaos:QuietMinutes=0"]);

        public ValueTask DisposeAsync() => Scene.DisposeAsync();
    }
}
