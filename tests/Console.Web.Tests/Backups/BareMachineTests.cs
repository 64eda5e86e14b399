using System.Diagnostics;
using System.Globalization;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Configurations;
using OpsConsole.Core.Backups.Format;
using OpsConsole.Core.Backups.Logical;
using OpsConsole.Core.Backups.Standalone;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Backups.Streaming;
using OpsConsole.Core.Drivers;
using OpsConsole.Core.Drivers.Aws;
using OpsConsole.Core.Drivers.Hosts;
using OpsConsole.Core.Drivers.Postgres;
using OpsConsole.Core.Failover.Measuring;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Testing;

namespace OpsConsole.Web.Tests.Backups;

/// <summary>docs/restore-without-the-console.md, followed literally: its commands are run as they stand there, with the variables that it asks for.</summary>
public sealed class BareMachineTests : IDisposable
{
    private readonly string _root = Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), $"opsconsole-bare-{Guid.NewGuid():N}")).FullName;

    private string Data => Path.Combine(_root, "data");

    [Fact]
    public async Task Page_OfStreamedBackups_RestoresADatabase()
    {
        var postgres = await TestPostgres.SharedAsync();
        await postgres.ExecuteAsync("CREATE DATABASE bare_streamed");
        await postgres.ExecuteAsync("CREATE TABLE t AS SELECT generate_series(1, 1000) AS id", "bare_streamed");
        var (store, key) = (Path.Combine(_root, "store"), BackupKey.Generate("k1"));
        var keyFile = Path.Combine(_root, "keys");
        await File.WriteAllTextAsync(keyFile, $"k1 {key.ToBase64()}\n", TestContext.Current.CancellationToken);
        using (var repository = BackupStores.Open(RepositoryAddress.Parse(store, _ => null), "", TimeProvider.System))
        {
            await new StreamTaker(new BaseBackupSource(TimeProvider.System), FanOutLimits.Usual, TimeProvider.System).TakeAsync(
                new StreamOrder(new ClusterOptions { Id = "orders", Username = "postgres" }, "here", $"127.0.0.1:{postgres.Port}", Guid.NewGuid(), new BaseBackupOrder("")),
                new KeyRing([key]), [repository], (_, _) => Task.CompletedTask, TestContext.Current.CancellationToken);
        }

        var said = await FollowAsync("streaming", ("CONSOLE", AppContext.BaseDirectory.TrimEnd('/')), ("REPOSITORY", store), ("KEY_FILE", keyFile), ("CLUSTER", "orders"), ("DATABASE", "bare_streamed"));

        Assert.Contains("bytes are as they were written", said, StringComparison.Ordinal);
        Assert.Contains("rows: 1000", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Page_OfLogicalBackups_RestoresADatabase()
    {
        var postgres = await TestPostgres.SharedAsync();
        await postgres.ExecuteAsync("CREATE DATABASE bare_dumped");
        await postgres.ExecuteAsync("CREATE TABLE t AS SELECT generate_series(1, 1000) AS id", "bare_dumped");
        var (store, key) = (Path.Combine(_root, "store"), BackupKey.Generate("k1"));
        var keyFile = Path.Combine(_root, "keys");
        await File.WriteAllTextAsync(keyFile, $"k1 {key.ToBase64()}\n", TestContext.Current.CancellationToken);
        var fleet = Declared(postgres, "bare_dumped", store, key);
        using var repositories = new Repositories(fleet, (repository, region) => BackupStores.Open(repository, region, TimeProvider.System));
        using var keys = new DeclaredKeys(fleet, new KmsKeys());
        await using var shell = new HostShell(fleet, TimeProvider.System);
        var options = new BackupsOptions { PgDump = [new() { Cluster = "orders", Repositories = ["store"], Programs = TestPostgres.BinDirectory() }] };
        await new PgDumpEngine(fleet, options, new FleetFeed(), repositories, keys, new WriteBrakes(new PulseMeters(fleet, TimeProvider.System), options, TimeProvider.System), shell, shell, TimeProvider.System)
            .TakeAsync(new TakeOrder("orders", BackupType.Logical, Guid.NewGuid()), (_, _) => Task.CompletedTask, TestContext.Current.CancellationToken);

        var said = await FollowAsync("logical", ("CONSOLE", AppContext.BaseDirectory.TrimEnd('/')), ("REPOSITORY", store), ("KEY_FILE", keyFile), ("CLUSTER", "orders"),
            ("DUMP", Path.Combine(_root, "dump")), ("OWNER", "postgres"), ("DATABASE", "bare_dumped"));

        Assert.Contains("checked and written to", said, StringComparison.Ordinal);
        Assert.Contains("rows: 1000", said, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Page_OfConfigurations_GivesTheFilesBack()
    {
        var postgres = await TestPostgres.SharedAsync();
        var (store, key) = (Path.Combine(_root, "store"), BackupKey.Generate("k1"));
        var keyFile = Path.Combine(_root, "keys");
        await File.WriteAllTextAsync(keyFile, $"k1 {key.ToBase64()}\n", TestContext.Current.CancellationToken);
        var fleet = Declared(postgres, "postgres", store, key);
        using var repositories = new Repositories(fleet, (repository, region) => BackupStores.Open(repository, region, TimeProvider.System));
        using var keys = new DeclaredKeys(fleet, new KmsKeys());
        await new ConfigurationEngine(fleet, new BackupsOptions { Configuration = [new() { Cluster = "orders", Repositories = ["store"] }] }, repositories, keys, TimeProvider.System)
            .TakeAsync(new TakeOrder("orders", BackupType.Configuration, Guid.NewGuid()), (_, _) => Task.CompletedTask, TestContext.Current.CancellationToken);

        var said = await BashAsync($"CONSOLE='{AppContext.BaseDirectory.TrimEnd('/')}'\nREPOSITORY='{store}'\nKEY_FILE='{keyFile}'\nCLUSTER=orders\nCONFIGURATION='{_root}/configuration'\n{Blocks(Page()).Single(b => b.Kind == "configuration").Text}");

        Assert.Contains("checked and written under", said, StringComparison.Ordinal);
        var hba = Directory.GetFiles(Path.Combine(_root, "configuration", "here"), "pg_hba.conf", SearchOption.AllDirectories).Single();
        Assert.Equal(await File.ReadAllBytesAsync(hba[Path.Combine(_root, "configuration", "here").Length..], TestContext.Current.CancellationToken), await File.ReadAllBytesAsync(hba, TestContext.Current.CancellationToken));
        if (!OperatingSystem.IsWindows()) Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(hba));
    }

    private static FleetModel Declared(TestPostgres postgres, string database, string store, BackupKey key) => new(new FleetOptions
    {
        Regions = [new() { Id = "here" }],
        Clusters = [new() { Id = "orders", Database = database, Username = "postgres", Nodes = [new() { Region = "here", Address = $"127.0.0.1:{postgres.Port}" }] }],
        BackupRepositories = [new() { Id = "store", Region = "here", Kind = RepositoryKind.File, Endpoint = store }],
        BackupKeys = [new() { Id = "k1", Key = key.ToBase64() }],
    });

    [Fact]
    public async Task Page_OfPgBackRest_RestoresADatabase()
    {
        var (settings, source, repository) = (Path.Combine(_root, "pgbackrest.conf"), Path.Combine(_root, "source"), Path.Combine(_root, "repo"));
        await File.WriteAllTextAsync(settings, $"""
            [global]
            repo1-path={repository}
            repo1-cipher-type=aes-256-cbc
            repo1-cipher-pass=a-passphrase-of-the-test
            log-level-file=off
            lock-path={_root}/spool
            spool-path={_root}/spool
            start-fast=y
            [orders]
            pg1-path={source}
            pg1-user=postgres
            pg1-socket-path={source}
            """, TestContext.Current.CancellationToken);
        await BashAsync($"{AsPostgres}mkdir {source} {repository} {_root}/spool; [ \"$(id -u)\" != 0 ] || chown postgres {source} {repository} {_root}/spool; as_postgres {TestPostgres.BinDirectory()}/initdb -D {source} -U postgres -A trust -N --no-locale >/dev/null");
        await using (var server = await TestInstance.StartAsync(source, "archive_mode=on", $"archive_command=pgbackrest --config={settings} --stanza=orders archive-push %p"))
        {
            var pgBackRest = $"as_postgres pgbackrest --config={settings} --stanza=orders --pg1-port={server.Port} --log-level-console=warn";
            var psql = $"as_postgres {TestPostgres.BinDirectory()}/psql -h 127.0.0.1 -p {server.Port} -U postgres";
            await BashAsync($"{AsPostgres}{psql} -c 'CREATE DATABASE bare' >/dev/null; {psql} -d bare -c 'CREATE TABLE t AS SELECT generate_series(1, 1000) AS id' >/dev/null; {pgBackRest} stanza-create; {pgBackRest} --type=full backup");
        }

        var said = await FollowAsync("pgbackrest", ("SETTINGS", settings), ("STANZA", "orders"), ("DATABASE", "bare"));

        Assert.Contains("full backup", said, StringComparison.Ordinal);
        Assert.Contains("rows: 1000", said, StringComparison.Ordinal);
    }

    private const string AsPostgres = "as_postgres() { if [ \"$(id -u)\" = 0 ]; then setpriv --reuid=postgres --regid=postgres --clear-groups -- \"$@\"; else \"$@\"; fi; }; ";

    private static string Page() => File.ReadAllText(Path.Combine(Root(), "docs", "restore-without-the-console.md"));

    private async Task<string> FollowAsync(string engine, params (string Name, string Value)[] variables)
    {
        var port = TestPostgres.FreePort().ToString(CultureInfo.InvariantCulture);
        var blocks = Blocks(Page());
        var script = string.Concat(blocks.Where(b => b.Kind.Length == 0 || b.Kind == engine || b.Kind == "start").OrderBy(b => b.Kind == "start").Select(b => b.Text));
        (string Name, string Value)[] all = [.. variables, ("DIRECTORY", Data), ("PORT", port)];
        var database = variables.First(v => v.Name == "DATABASE").Value;
        try
        {
            return await BashAsync($"{string.Concat(all.Select(v => $"{v.Name}='{v.Value}'\n"))}{script}\necho rows: $(as_postgres $BIN/psql -h 127.0.0.1 -p {port} -U postgres -d {database} -Atc 'SELECT count(*) FROM t')\n");
        }
        finally
        {
            await BashAsync($"{AsPostgres}[ ! -e {Data}/postmaster.pid ] || as_postgres {TestPostgres.BinDirectory()}/pg_ctl -D {Data} -m immediate -w stop");
        }
    }

    private static List<(string Kind, string Text)> Blocks(string page)
    {
        var blocks = new List<(string, string)>();
        var parts = page.Split("```");
        for (var i = 1; i < parts.Length; i += 2)
        {
            var end = parts[i].IndexOf('\n', StringComparison.Ordinal);
            var head = parts[i][..end].Trim();
            if (head.StartsWith("sh", StringComparison.Ordinal)) blocks.Add((head[2..].Trim(), parts[i][(end + 1)..]));
        }
        return blocks;
    }

    private static async Task<string> BashAsync(string script)
    {
        using var bash = Process.Start(new ProcessStartInfo("bash", ["-euo", "pipefail", "-c", script]) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = "/" })!;
        var (output, error) = (bash.StandardOutput.ReadToEndAsync(), bash.StandardError.ReadToEndAsync());
        await bash.WaitForExitAsync();
        return bash.ExitCode == 0 ? await output : throw new InvalidOperationException($"The page's commands ended with {bash.ExitCode}: {await output}{await error}");
    }

    private static string Root()
    {
        var directory = new DirectoryInfo(AppContext.BaseDirectory);
        while (directory is not null && !File.Exists(Path.Combine(directory.FullName, "OpsConsole.sln"))) directory = directory.Parent;
        return directory?.FullName ?? throw new InvalidOperationException("OpsConsole.sln not found above the test's directory");
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);
}
