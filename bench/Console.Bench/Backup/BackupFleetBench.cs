using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Npgsql;
using OpsConsole.Testing.Failover;

namespace OpsConsole.Bench.Backup;

/// <summary>On the embedded fleet, under a steady load: pgBackRest through the console beside the same commands on the command line, a restore to a moment beside pgBackRest's, and how
/// old the newest restorable moment gets.</summary>
internal sealed class BackupFleetBench(Scene scene, int rounds, int port)
{
    private const string Region = "us-east-1";
    private readonly Dictionary<string, List<double>> _seconds = [];

    private FleetUnderTest Fleet => scene.Fleet;
    private string Site => Path.Combine(Fleet.Root, "sites", Region);

    public static async Task RunAsync(int megabytes, int rounds, int seconds, int port)
    {
        await using var scene = await Scene.StartAsync(port, consoles: 1, latency: false, ["Access:SignInsPerMinute=10000"]);
        await scene.SettledAsync();
        var bench = new BackupFleetBench(scene, rounds, port + 260);
        await bench.RpoAsync(seconds);
        await bench.FillAsync(megabytes);
        for (var round = 1; round <= rounds; round++) await bench.RoundAsync(round);
        bench.Report();
    }

    private async Task RoundAsync(int round)
    {
        Console.WriteLine($"round {round} of {rounds}");
        // From a standby, as the console does: into one repository after the other.
        var standby = Fleet.Regions.First(r => r != Region);
        await TimedAsync("pgBackRest, command line", () => AsPostgresAsync(string.Join(" && ", Enumerable.Range(1, 2).Select(repo =>
            $"nice -n 5 {Path.Combine(Fleet.Root, "sites", standby)}/pgbackrest-all.sh --stanza=orders --log-level-file=info --repo={repo} --type=full backup"))));
        var backup = await EndAsync("backups", new JsonObject { ["cluster"] = "orders", ["type"] = "full", ["engine"] = "pgbackrest" });
        Add("pgBackRest, console", Length(backup["steps"]![0]!));
        Add("  and its check", Length(backup["steps"]![1]!));

        await Task.Delay(3000);
        var target = TimeProvider.System.GetUtcNow();
        await Task.Delay(1000);
        await Fleet.AskAsync(Region, "SELECT 1 FROM pg_switch_wal()");
        await Task.Delay(5000); // it is in the archive: both find it there
        // The first restore of a backup finds its files cold and the last one's pages on their way to the disk: it is not counted, and each of the two comes first as often as second.
        var id = (string)backup["result"]!["backupId"]!;
        await ByHandAsync(target, counted: false);
        foreach (var byHand in new[] { true, false, false, true })
        {
            await ShellAsync("sync");
            if (byHand) await ByHandAsync(target);
            else await ByConsoleAsync(id, target);
        }
    }

    private async Task ByConsoleAsync(string backup, DateTimeOffset target)
    {
        var call = new JsonObject { ["cluster"] = "orders", ["backupId"] = backup, ["targetTime"] = target.UtcDateTime.ToString("O", CultureInfo.InvariantCulture), ["destination"] = "new", ["region"] = Region, ["reason"] = "measurement" };
        call["planHash"] = (string)(await scene.Api.PostAsync("restores/preview", call.DeepClone().AsObject()))["plan"]!["hash"]!;
        var restore = await EndAsync("restores", call);
        Add("restore to a moment, console", (double)restore["result"]!["measuredRtoSeconds"]!);
        Add("  of which the copy", (double)restore["result"]!["copySeconds"]!);
        // Its place is free for the next.
        var gone = await scene.Api.PostAsync($"operations/{restore["id"]}/rollback", new JsonObject { ["reason"] = "measurement" });
        await scene.Api.EndAsync((string)gone["id"]!, TimeSpan.FromMinutes(1));
    }

    private async Task ByHandAsync(DateTimeOffset target, bool counted = true)
    {
        var watch = Stopwatch.StartNew();
        var copied = await RestoreAsync(target);
        if (counted)
        {
            Add("restore to a moment, command line", watch.Elapsed.TotalSeconds);
            Add("  of which its copy", copied.TotalSeconds);
        }
        await AsPostgresAsync($"{ServerBin}/pg_ctl -D {ByHand} -w -m immediate stop >/dev/null");
        await ShellAsync($"rm -rf {ByHand}");
    }

    private string ByHand => Path.Combine(Fleet.Root, "by-hand");

    private static string ServerBin => Directory.GetDirectories("/usr/lib/postgresql").OrderByDescending(d => int.Parse(Path.GetFileName(d), CultureInfo.InvariantCulture)).First() + "/bin";

    /// <summary>Until it takes writes, as the console counts.</summary>
    /// <returns>how long the copy took</returns>
    private async Task<TimeSpan> RestoreAsync(DateTimeOffset target)
    {
        var watch = Stopwatch.StartNew();
        await ShellAsync($"mkdir -m 700 {ByHand}; chown --reference={Site}/postgres {ByHand}");
        await AsPostgresAsync($"{Site}/pgbackrest.sh --stanza=orders --repo=1 --pg1-path={ByHand} --process-max=2 --type=time --target='{target.UtcDateTime:yyyy-MM-dd HH:mm:ss.ffffff}+00' --target-action=promote restore");
        var copied = watch.Elapsed;
        await AsPostgresAsync($"rm -f {ByHand}/standby.signal && {ServerBin}/pg_ctl -D {ByHand} -w -t 600 -l {ByHand}/server.log -o \"-p {port} -h 127.0.0.1 -c archive_mode=off -c unix_socket_directories='' -c synchronous_standby_names='' -c primary_conninfo=''\" start >/dev/null");
        var at = new NpgsqlConnectionStringBuilder(Fleet.Node(Region)) { Port = port };
        await using (var connection = new NpgsqlConnection(at.ConnectionString))
        {
            await connection.OpenAsync();
            await using var open = new NpgsqlCommand("SELECT NOT pg_is_in_recovery()", connection);
            while (!(bool)(await open.ExecuteScalarAsync())!) await Task.Delay(20);
        }
        return copied;
    }

    /// <summary>As the console shows it and alarms by it; looked at twice a second while a client writes each 20 ms.</summary>
    private async Task RpoAsync(int seconds)
    {
        await EndAsync("backups", new JsonObject { ["cluster"] = "orders", ["type"] = "full", ["engine"] = "streaming" });
        async Task<double?> AgeAsync() => (double?)(await scene.Api.GetAsync("backups/coverage"))["items"]![0]!["restorable"]!["seconds"];
        var ages = new List<double>();
        var began = Stopwatch.GetTimestamp();
        while (await AgeAsync() is null) await Task.Delay(100); // the first backup has just ended
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"restorable {Stopwatch.GetElapsedTime(began).TotalSeconds:0.0} s after the first backup"));
        began = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(began).TotalSeconds < seconds)
        {
            await Task.Delay(500);
            ages.Add(await AgeAsync() ?? double.PositiveInfinity);
        }
        ages.Sort();
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"newest restorable moment: median {ages[ages.Count / 2]:0.0} s old, p99 {ages[(int)(ages.Count * 0.99)]:0.0}, worst {ages[^1]:0.0} s ({ages.Count} looks, goal 5)"));
    }

    private async Task FillAsync(int megabytes)
    {
        await using var connection = new NpgsqlConnection(Fleet.Node(Region));
        await connection.OpenAsync();
        await using var fill = new NpgsqlCommand($"""
            SET synchronous_commit = local;
            CREATE TABLE bench_fill AS SELECT g AS id, md5(random()::text) AS token, (random() * 1000)::numeric(10,2) AS amount, 'Order of ' || (g % 977) || ' pieces, to be delivered by the ' || (g % 31) || 'th to the usual address; paid by card' AS note
            FROM generate_series(1, {megabytes * 6000L}) g
            """, connection) { CommandTimeout = 600 };
        await fill.ExecuteNonQueryAsync();
        await scene.SettledAsync();
        Console.WriteLine($"{await Fleet.AskAsync(Region, "SELECT sum(pg_database_size(oid))::bigint FROM pg_database") / 1e9:0.00} GB in the databases");
    }

    private async Task<JsonNode> EndAsync(string path, JsonObject call)
    {
        var ended = await scene.Api.EndAsync((string)(await scene.Api.PostAsync(path, call))["operationId"]!, TimeSpan.FromMinutes(10));
        return (string)ended["state"]! == "succeeded" ? ended : throw new InvalidOperationException($"{path}: {ended["state"]}: {ended["endReason"]}");
    }

    private static double Length(JsonNode step) =>
        (DateTimeOffset.Parse((string)step["endedAt"]!, CultureInfo.InvariantCulture) - DateTimeOffset.Parse((string)step["startedAt"]!, CultureInfo.InvariantCulture)).TotalSeconds;

    private async Task TimedAsync(string what, Func<Task> action)
    {
        var watch = Stopwatch.StartNew();
        await action();
        Add(what, watch.Elapsed.TotalSeconds);
    }

    private void Add(string what, double seconds)
    {
        if (!_seconds.TryGetValue(what, out var all)) _seconds[what] = all = [];
        all.Add(seconds);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {what,-36} {seconds,7:0.00} s"));
    }

    private void Report()
    {
        double Median(string what) => _seconds[what].Order().ElementAt(_seconds[what].Count / 2);
        foreach (var what in _seconds.Keys) Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what,-36} median {Median(what),7:0.00} s (n = {_seconds[what].Count})"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"the console takes {Median("pgBackRest, console") / Median("pgBackRest, command line"):0.00} x the command line (goal 1.05); its restore {Median("restore to a moment, console") / Median("restore to a moment, command line"):0.00} x (goal 1.1)"));
    }

    private static Task AsPostgresAsync(string command) => ShellAsync(Environment.IsPrivilegedProcess ? $"setpriv --reuid=postgres --regid=postgres --clear-groups -- sh -c {Quoted(command)}" : command);

    private static string Quoted(string command) => $"'{command.Replace("'", "'\\''", StringComparison.Ordinal)}'";

    private static async Task ShellAsync(string command)
    {
        using var process = Process.Start(new ProcessStartInfo("sh", ["-c", command]) { RedirectStandardError = true, WorkingDirectory = "/" })!;
        var error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0) throw new InvalidOperationException($"{command}: {error}");
    }
}
