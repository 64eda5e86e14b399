using Npgsql;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Format;
using OpsConsole.Core.Backups.Logical;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Drivers.Files;
using OpsConsole.Core.Drivers.Hosts;
using OpsConsole.Core.Failover.Measuring;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Tests.Backups.Streaming;
using OpsConsole.Sandbox.Backups;
using OpsConsole.Sandbox.Postgres;
using OpsConsole.Testing;

namespace OpsConsole.Core.Tests.Backups;

/// <summary>A real server dumped into two repositories, and loaded into a new one by the command that a sandbox's hosts have.</summary>
public sealed class PgDumpTests : IAsyncLifetime
{
    private const string Password = @"o'so \secret";
    private static readonly RestoreTarget AsTaken = new(RecoveryTarget.Backup);
    private static readonly BackupProgress Silent = (_, _) => Task.CompletedTask;
    // Others than root run the servers.
    private readonly string _root = Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), $"opsconsole-dumped-{Guid.NewGuid():N}")).FullName;
    private TestInstance _server = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        await using var shell = new HostShell(new FleetModel(new FleetOptions { Regions = [Region("here", "make", $"{PostgresBinaries.Find()["initdb"]} -D {{directory}} -U postgres -A scram-sha-256 --pwfile={_root}/password -N >/dev/null")] }), TimeProvider.System);
        await File.WriteAllTextAsync(Path.Combine(_root, "password"), Password, Cancel);
        await shell.RequireAsync("here", "make", new Dictionary<string, string> { ["directory"] = Path.Combine(_root, "server") }, null, Cancel);
        _server = await TestInstance.StartAsync(Path.Combine(_root, "server"));
        await ExecuteAsync(_server.Port, "postgres", """CREATE ROLE "the clerk" LOGIN PASSWORD 'x'; CREATE ROLE readers; GRANT readers TO "the clerk" """);
        await ExecuteAsync(_server.Port, "postgres", """CREATE DATABASE shop OWNER "the clerk" """);
        await ExecuteAsync(_server.Port, "shop", "CREATE TABLE t AS SELECT g AS id, md5(g::text) AS text FROM generate_series(1, 20000) g; CREATE INDEX ON t (text); GRANT SELECT ON t TO readers");
    }

    [Fact]
    public async Task Dump_IntoTwoRepositories_RestoresRowsAndRolesIntoANewServer()
    {
        using var world = new World(this, $"127.0.0.1:{_server.Port}");
        var operation = Guid.NewGuid();

        var taken = await world.Engine.TakeAsync(new TakeOrder("orders", BackupType.Logical, operation), Silent, Cancel);

        Assert.Equal(BackupType.Logical, taken.Type);
        Assert.Equal(["a", "b"], taken.Copies.Select(c => c.Repository));
        Assert.All(taken.Copies, c => Assert.Null(c.Failure));
        Assert.Equal(taken.Copies[0].Label, (await world.Engine.FindAsync("orders", operation, Cancel))!.Copies[1].Label);
        Assert.Equal([operation], await world.Engine.OperationsAsync("orders", Cancel));
        var verdicts = await world.Engine.VerifyAsync("orders", Copies(taken), Silent, Cancel);
        Assert.All(verdicts, v => Assert.True(v.Passed, v.Detail));
        Assert.Contains("pg_restore lists", verdicts[1].Detail, StringComparison.Ordinal);

        await ExecuteAsync(_server.Port, "shop", "DELETE FROM t");
        await world.RestoreAsync(Copies(taken)[1], AsTaken, Path.Combine(_root, "restored"));
        await using var restored = await TestInstance.StartAsync(Path.Combine(_root, "restored"));
        Assert.Equal(20000L, await AskAsync(restored.Port, "shop", "SELECT count(*) FROM t WHERE text = md5(id::text)"));
        Assert.Equal("the clerk", await AskAsync(restored.Port, "shop", "SELECT pg_get_userbyid(datdba)::text FROM pg_database WHERE datname = 'shop'"));
        Assert.True((bool)(await AskAsync(restored.Port, "shop", "SELECT has_table_privilege('the clerk', 't', 'SELECT') AND NOT EXISTS (SELECT FROM pg_authid WHERE rolname = 'the clerk' AND rolpassword IS NOT NULL)"))!);
        Assert.False(Directory.Exists(Path.Combine(_root, "restored", "load")));

        await world.Engine.ExpireAsync("orders", Copies(taken), Cancel);
        Assert.Empty(Directory.GetFiles(Path.Combine(_root, "a"), "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task Dump_WhileAStoreFails_HasACopyThereWithoutLabelAndBytes()
    {
        using var world = new World(this, $"127.0.0.1:{_server.Port}") { Refuses = StoreFailure.Full };

        var taken = await world.Engine.TakeAsync(new TakeOrder("orders", BackupType.Logical, Guid.NewGuid()), Silent, Cancel);

        Assert.Null(taken.Copies[0].Failure);
        Assert.Equal(("b", "", 0L), (taken.Copies[1].Repository, taken.Copies[1].Label, taken.Copies[1].StoredBytes));
        Assert.Contains("Free space there", taken.Copies[1].Failure, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Dump_GoneOnWithAfterAnInterruption_TellsOfTheCopyThatWasNotMade()
    {
        using var world = new World(this, $"127.0.0.1:{_server.Port}");
        var order = new TakeOrder("orders", BackupType.Logical, Guid.NewGuid());
        await world.Engine.TakeAsync(order, Silent, Cancel);
        File.Delete(Directory.GetFiles(Path.Combine(_root, "b"), "backup.ocb", SearchOption.AllDirectories).Single());

        var again = await world.Engine.TakeAsync(order, Silent, Cancel);

        Assert.Null(again.Copies[0].Failure);
        Assert.Equal(("b", ""), (again.Copies[1].Repository, again.Copies[1].Label));
        Assert.Contains("the backup was interrupted", again.Copies[1].Failure, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(Path.Combine(_root, "b"), "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task Dump_OfAStandby_IsTakenThere()
    {
        var postgres = await TestPostgres.SharedAsync();
        await using var standby = await TestReplica.CreateAsync(postgres);
        using var world = new World(this, $"127.0.0.1:{standby.Port}") { Database = "postgres" };

        var taken = await world.Engine.TakeAsync(new TakeOrder("orders", BackupType.Logical, Guid.NewGuid()), Silent, Cancel);

        Assert.True((await new LogicalRepository(world.Store("a")).DescribeAsync("orders", taken.Copies[0].Label, await world.RingAsync(), Cancel)).FromStandby);
    }

    [Fact]
    public async Task Dump_WithAWrongPassword_SaysWhichSettingToMendAndLeavesNothing()
    {
        using var world = new World(this, $"127.0.0.1:{_server.Port}") { Secret = "wrong" };

        var refusal = await Assert.ThrowsAsync<BackupEngineException>(() => world.Engine.TakeAsync(new TakeOrder("orders", BackupType.Logical, Guid.NewGuid()), Silent, Cancel));

        Assert.True(refusal.Final);
        Assert.Contains("mend Fleet:Clusters:N:Password", refusal.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(Path.Combine(_root, "a"), "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task Dump_WithoutThePrograms_SaysWhatToInstall()
    {
        using var world = new World(this, $"127.0.0.1:{_server.Port}") { Programs = "/nowhere" };

        var refusal = await Assert.ThrowsAsync<BackupEngineException>(() => world.Engine.TakeAsync(new TakeOrder("orders", BackupType.Logical, Guid.NewGuid()), Silent, Cancel));

        Assert.Contains("Install postgresql-client", refusal.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("database.ocb")]
    [InlineData("roles.ocb")]
    [InlineData("backup.ocb")]
    public async Task Dump_WithAFlippedBit_IsFoundByVerifyAndRestore(string part)
    {
        using var world = new World(this, $"127.0.0.1:{_server.Port}");
        var taken = await world.Engine.TakeAsync(new TakeOrder("orders", BackupType.Logical, Guid.NewGuid()), Silent, Cancel);
        await using (var file = File.Open(Directory.GetFiles(Path.Combine(_root, "a"), part, SearchOption.AllDirectories).Single(), FileMode.Open))
        {
            file.Position = file.Length / 2;
            var one = file.ReadByte();
            file.Position--;
            file.WriteByte((byte)(one ^ 4));
        }

        var verdicts = await world.Engine.VerifyAsync("orders", Copies(taken), Silent, Cancel);

        Assert.Equal([false, true], verdicts.Select(v => v.Passed));
        Assert.Contains("is damaged", verdicts[0].Detail, StringComparison.Ordinal);
        await Assert.ThrowsAsync<BackupEngineException>(() => world.RestoreAsync(Copies(taken)[0], AsTaken, Path.Combine(_root, "restored")));
    }

    [Fact]
    public async Task Restore_ToAMoment_IsRefusedWithWhatToDoInstead()
    {
        using var world = new World(this, $"127.0.0.1:{_server.Port}");
        var copy = new BackupCopy("a", "here", "L", CopyState.Stored, 1, null, "");

        var refusal = await Assert.ThrowsAsync<BackupEngineException>(() => world.RestoreAsync(copy, new RestoreTarget(RecoveryTarget.Time, DateTimeOffset.UnixEpoch), Path.Combine(_root, "restored")));

        Assert.True(refusal.Final);
        Assert.Contains("Leave targetTime out", refusal.Message, StringComparison.Ordinal);
    }

    private static List<BackupCopy> Copies(TakenBackup taken) => [.. taken.Copies.Select(c => new BackupCopy(c.Repository, "here", c.Label, CopyState.Stored, c.StoredBytes, null, ""))];

    private static async Task<object?> AskAsync(int port, string database, string sql)
    {
        await using var connection = new NpgsqlConnection(new NpgsqlConnectionStringBuilder { Host = "127.0.0.1", Port = port, Database = database, Username = "postgres", Password = Password, Pooling = false }.ConnectionString);
        await connection.OpenAsync(Cancel);
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(Cancel);
    }

    private static Task ExecuteAsync(int port, string database, string sql) => AskAsync(port, database, sql);

    /// <summary>A region on this machine with one command; servers do not want to be root.</summary>
    private RegionOptions Region(string id, string command, string template)
    {
        File.WriteAllText(Path.Combine(_root, command), template.Replace("{directory}", "\"$1\"", StringComparison.Ordinal).Replace("{owner}", "\"$2\"", StringComparison.Ordinal));
        var become = Environment.IsPrivilegedProcess ? $"chown postgres {_root} && exec setpriv --reuid=postgres --regid=postgres --clear-groups -- " : "exec ";
        return new RegionOptions { Id = id, Shell = new ShellOptions { Kind = ShellKind.Local, Commands = { [command] = $"{become}sh {_root}/{command} {{directory}}{(template.Contains("{owner}", StringComparison.Ordinal) ? " {owner}" : "")}" } } };
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Directory.Delete(_root, recursive: true);
    }

    /// <summary>A console with two repositories and a cluster of one node.</summary>
    private sealed class World : IDisposable
    {
        private readonly BackupKey _key = BackupKey.Generate("k1");
        private readonly ClusterOptions _cluster;
        private readonly BackupsOptions _options = new() { PgDump = [new() { Cluster = "orders", Repositories = ["a", "b"], Programs = TestPostgres.BinDirectory() }] };
        private readonly Repositories _repositories;
        private readonly DeclaredKeys _keys;
        private readonly Dictionary<string, MoodyStore> _stores = [];

        public World(PgDumpTests test, string address)
        {
            _cluster = new ClusterOptions { Id = "orders", PrimaryRegion = "here", Database = "shop", Username = "postgres", Password = Password, Nodes = [new() { Region = "here", Address = address }] };
            var fleet = new FleetModel(new FleetOptions
            {
                Regions = [test.Region("here", PgDumpEngine.LoadCommand, BackupCommands.Load(PostgresBinaries.Find()))],
                Clusters = [_cluster],
                BackupRepositories = [new() { Id = "a", Region = "here" }, new() { Id = "b", Region = "here" }],
                BackupKeys = [new() { Id = "k1", Key = _key.ToBase64() }],
            });
            _repositories = new Repositories(fleet, (repository, _) => _stores[repository.Id] = new MoodyStore(new FileStore(repository.Id, Directory.CreateDirectory(Path.Combine(test._root, repository.Id)).FullName)));
            _keys = new DeclaredKeys(fleet, new NoUnwrapper());
            var shell = new HostShell(fleet, TimeProvider.System);
            Engine = new PgDumpEngine(fleet, _options, new EmptyFeed(), _repositories, _keys, new WriteBrakes(new PulseMeters(fleet, TimeProvider.System), _options, TimeProvider.System), shell, shell, TimeProvider.System);
        }

        public PgDumpEngine Engine { get; }
        /// <summary>How the second repository fails.</summary>
        public StoreFailure Refuses { init => _stores["b"].Refuses = value; }
        public string Secret { init => _cluster.Password = value; }
        public string Database { init => _cluster.Database = value; }
        public string Programs { init => _options.PgDump[0].Programs = value; }

        public IBackupStore Store(string id) => _repositories[id];

        public Task<KeyRing> RingAsync() => _keys.RingAsync(Cancel);

        public Task RestoreAsync(BackupCopy copy, RestoreTarget target, string directory) =>
            Engine.RestoreAsync(new RestoreOrder("orders", BackupType.Logical, copy, target, "here", directory), Silent, Cancel);

        public void Dispose()
        {
            _repositories.Dispose();
            _keys.Dispose();
        }
    }

    private sealed class NoUnwrapper : IKeyUnwrapper
    {
        public Task<byte[]> UnwrapAsync(BackupKeyOptions key, CancellationToken cancel) => throw new InvalidOperationException("No key is wrapped here.");
    }

    /// <summary>Nothing is known of the fleet: nodes are tried in the order of their declaration.</summary>
    private sealed class EmptyFeed : IFleetFeed
    {
        public FleetSnapshot Current => FleetSnapshot.Empty;
        public FleetSubscription Subscribe() => throw new InvalidOperationException("Nobody follows in these tests.");
    }
}
