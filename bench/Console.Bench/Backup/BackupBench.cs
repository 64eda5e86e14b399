using System.Diagnostics;
using System.Globalization;
using Npgsql;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Format;
using OpsConsole.Core.Backups.Standalone;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Backups.Streaming;
using OpsConsole.Core.Drivers;
using OpsConsole.Core.Drivers.Postgres;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Bench.Backup;

/// <summary>A streamed full backup into one and three directories, and its restore, beside Debian's pgBackRest on the same database: rounds interleaved, syncs, manifests and encryption on.</summary>
public sealed class BackupBench(double gigabytes, int rounds, int port, string directory)
{
    private readonly string _data = Path.Combine(directory, "data");
    private readonly string _keyFile = Path.Combine(directory, "key");
    private readonly ClusterOptions _cluster = new() { Id = "bench", Username = "postgres" };
    private readonly Dictionary<string, List<Sample>> _samples = [];
    private Process? _postmaster;

    private sealed record Sample(double Seconds, double CpuSeconds);

    private static string Bin => Directory.GetDirectories("/usr/lib/postgresql").OrderByDescending(d => int.Parse(Path.GetFileName(d), CultureInfo.InvariantCulture)).First() + "/bin/";

    private string ConnectionString => $"Host=127.0.0.1;Port={port};Username=postgres;Database=postgres;Pooling=false;Command Timeout=600";

    public async Task RunAsync()
    {
        try
        {
            await PrepareAsync();
            var bytes = await SizeAsync();
            Console.WriteLine($"{bytes / 1e9:0.00} GB in the data directory; {rounds} rounds, interleaved");
            for (var round = 1; round <= rounds; round++) await RoundAsync(round);
            Report(bytes);
        }
        finally
        {
            await StopAsync();
            if (Directory.Exists(directory)) Directory.Delete(directory, recursive: true);
        }
    }

    private async Task RoundAsync(int round)
    {
        Console.WriteLine($"round {round} of {rounds}");
        if (File.Exists("/usr/bin/pgbackrest"))
        {
            await MeasureAsync("pgBackRest, full", () => PgBackRestAsync("--type=full", "--no-archive-check", "backup"));
            await MeasureAsync("pgBackRest, restore", () => PgBackRestAsync($"--pg1-path={Fresh("pgbackrest-restored", postgres: true)}", "--type=none", "restore"));
            Remove("pgbackrest-restored");
        }
        await MeasureAsync("streaming, one store", () => TakeAsync(1));
        await MeasureAsync("streaming, restore", () => RestoreAsync(1));
        Remove("restored");
        Remove("store-1");
        await MeasureAsync("streaming, three stores", () => TakeAsync(3));
        for (var n = 1; n <= 3; n++) Remove($"store-{n}");
    }

    private async Task MeasureAsync(string what, Func<Task> action)
    {
        await RunAsync("sync");
        var (cpu, watch) = (Cpu(), Stopwatch.StartNew());
        await action();
        var seconds = watch.Elapsed.TotalSeconds;
        var sample = new Sample(seconds, Cpu() - cpu);
        if (!_samples.TryGetValue(what, out var samples)) _samples[what] = samples = [];
        samples.Add(sample);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"  {what,-24} {seconds,6:0.00} s  {sample.CpuSeconds,6:0.00} CPU-s"));
    }

    private async Task TakeAsync(int stores)
    {
        var targets = Enumerable.Range(1, stores).Select(n => BackupStores.Open(new BackupRepositoryOptions { Id = $"store-{n}", Kind = RepositoryKind.File, Endpoint = Fresh($"store-{n}", false) }, "", TimeProvider.System)).ToList();
        var taken = await new StreamTaker(new BaseBackupSource(TimeProvider.System), FanOutLimits.Usual, TimeProvider.System).TakeAsync(
            new StreamOrder(_cluster, "bench", $"127.0.0.1:{port}", Guid.NewGuid(), new BaseBackupOrder("")), KeyRing.FromFile(_keyFile), targets, (_, _) => Task.CompletedTask, default);
        if (taken.Stores.Count != stores) throw new InvalidOperationException(string.Join(" ", taken.Failures.Values));
    }

    private async Task RestoreAsync(int store)
    {
        string[] arguments = ["restore", "--repository", Path.Combine(directory, $"store-{store}"), "--key-file", _keyFile, "--cluster", _cluster.Id, "--target", "backup", "--directory", Path.Combine(directory, "restored")];
        if (await BackupCommand.RunAsync(arguments, TextWriter.Null, Console.Error, TimeProvider.System, default) != 0) throw new InvalidOperationException("The restore failed.");
    }

    private async Task PrepareAsync()
    {
        Directory.CreateDirectory(directory);
        File.WriteAllText(_keyFile, BackupKey.Generate("bench").ToBase64());
        Fresh("data", postgres: true);
        await AsPostgresAsync(Bin + "initdb", "-D", _data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-locale");
        await StartAsync("-c", "wal_level=minimal", "-c", "max_wal_senders=0", "-c", "fsync=off");
        await FillAsync();
        await StopAsync();
        await StartAsync("-c", "wal_level=replica");
        var settings = Path.Combine(Fresh("pgbackrest", postgres: true), "pgbackrest.conf");
        File.WriteAllText(settings, $"""
            [global]
            repo1-path={directory}/pgbackrest/repo
            repo1-cipher-type=aes-256-cbc
            repo1-cipher-pass={BackupKey.Generate("pass").ToBase64()}
            repo1-retention-full=9
            log-path={directory}/pgbackrest
            log-level-file=off
            lock-path={directory}/pgbackrest
            spool-path={directory}/pgbackrest
            process-max=2
            compress-type=zst
            compress-level=3
            start-fast=y
            [bench]
            pg1-path={_data}
            pg1-port={port}
            pg1-user=postgres
            pg1-socket-path={_data}
            """);
        if (File.Exists("/usr/bin/pgbackrest")) await PgBackRestAsync("--no-online", "stanza-create");
    }

    /// <summary>Rows as a shop has them: some columns repeat, some are random; about 3:1 under zstd.</summary>
    private async Task FillAsync()
    {
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync();
        var rows = (long)(gigabytes * 1e9 / 8 / 236);
        for (var table = 0; table < 8; table++)
        {
            await using var fill = new NpgsqlCommand($"""
                CREATE TABLE orders_{table} AS SELECT g AS id, clock_timestamp() AS at, (ARRAY['us-east-1','us-west-2','eu-west-1','ap-southeast-1'])[1 + g % 4] AS region, 'customer-' || (random() * 1e6)::int AS customer,
                    (random() * 1000)::numeric(10,2) AS amount, md5(random()::text) AS token, 'Order of ' || (g % 977) || ' pieces, to be delivered by the ' || (g % 31) || 'th to the usual address; paid by card' AS note
                FROM generate_series(1, {rows}) g
                """, connection);
            await fill.ExecuteNonQueryAsync();
        }
        await using var checkpoint = new NpgsqlCommand("CHECKPOINT", connection);
        await checkpoint.ExecuteNonQueryAsync();
    }

    private async Task<long> SizeAsync()
    {
        await using var connection = new NpgsqlConnection(ConnectionString);
        await connection.OpenAsync();
        await using var size = new NpgsqlCommand("SELECT sum(pg_database_size(oid))::bigint FROM pg_database", connection);
        return (long)(await size.ExecuteScalarAsync())!;
    }

    private void Report(long bytes)
    {
        Console.WriteLine($"\n{"",-24} median s   MB/s  CPU-s/GB   (n = {rounds})");
        foreach (var (what, samples) in _samples)
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{what,-24} {Median(samples, s => s.Seconds),8:0.00} {bytes / 1e6 / Median(samples, s => s.Seconds),6:0} {Median(samples, s => s.CpuSeconds) / (bytes / 1e9),9:0.00}"));
        if (_samples.TryGetValue("pgBackRest, full", out var peer))
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"one store is {Median(peer, s => s.Seconds) / Median(_samples["streaming, one store"], s => s.Seconds):0.00} x pgBackRest (goal 1.2)"));
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"three stores take {Median(_samples["streaming, three stores"], s => s.Seconds) / Median(_samples["streaming, one store"], s => s.Seconds):0.00} x the time of one (goal 1.15)"));
    }

    private static double Median(List<Sample> samples, Func<Sample, double> of) => samples.Select(of).Order().ElementAt(samples.Count / 2);

    /// <summary>Of this process, its ended children, and the server with its ended ones.</summary>
    private double Cpu() => Ticks(Environment.ProcessId) + Ticks(_postmaster!.Id);

    private static double Ticks(int pid)
    {
        var stat = File.ReadAllText($"/proc/{pid}/stat");
        var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return fields[11..15].Sum(f => double.Parse(f, CultureInfo.InvariantCulture)) / 100;
    }

    private async Task StartAsync(params string[] more)
    {
        string[] command = [.. AsPostgres, Bin + "postgres", "-D", _data, "-p", $"{port}", "-h", "127.0.0.1", "-k", _data, "-c", "shared_buffers=256MB", "-c", "max_wal_size=4GB", "-c", "autovacuum=off", .. more];
        _postmaster = Process.Start(new ProcessStartInfo(command[0], command[1..]) { RedirectStandardError = true })!;
        var lines = _postmaster.StandardError;
        while (await lines.ReadLineAsync() is { } line)
        {
            if (!line.Contains("ready to accept connections", StringComparison.Ordinal)) continue;
            _ = lines.ReadToEndAsync();
            return;
        }
        throw new InvalidOperationException("PostgreSQL did not start.");
    }

    private async Task StopAsync()
    {
        if (_postmaster is not { HasExited: false } server) return;
        await RunAsync("kill", "-INT", $"{server.Id}");
        await server.WaitForExitAsync();
    }

    private Task PgBackRestAsync(params string[] arguments) => AsPostgresAsync("pgbackrest", [$"--config={directory}/pgbackrest/pgbackrest.conf", "--stanza=bench", "--log-level-console=warn", .. arguments]);

    private static string[] AsPostgres => Environment.IsPrivilegedProcess ? ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--"] : [];

    private static Task AsPostgresAsync(string program, params string[] arguments) => AsPostgres is [var first, .. var rest] ? RunAsync(first, [.. rest, program, .. arguments]) : RunAsync(program, arguments);

    private static async Task RunAsync(string program, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = "/" })!;
        var (output, error) = (process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync());
        await process.WaitForExitAsync();
        if (process.ExitCode != 0) throw new InvalidOperationException($"{program} {string.Join(' ', arguments)}: {await error}{await output}");
    }

    private string Fresh(string name, bool postgres)
    {
        Remove(name);
        var path = Path.Combine(directory, name);
        Directory.CreateDirectory(path);
        if (postgres && Environment.IsPrivilegedProcess) Process.Start("chown", ["postgres", path]).WaitForExit();
        return path;
    }

    private void Remove(string name)
    {
        var path = Path.Combine(directory, name);
        if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
    }
}
