using System.Text;
using System.Text.Json;
using Npgsql;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Configurations;
using OpsConsole.Core.Backups.Format;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Drivers.Files;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Tests.Backups.Streaming;
using OpsConsole.Testing;

namespace OpsConsole.Core.Tests.Backups;

/// <summary>How a real server is configured, stored in two repositories and read back; a second node answers nobody.</summary>
public sealed class ConfigurationTests : IAsyncLifetime
{
    private static readonly BackupProgress Silent = (_, _) => Task.CompletedTask;
    private readonly string _root = Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), $"opsconsole-configured-{Guid.NewGuid():N}")).FullName;
    private TestInstance _server = null!;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string Data => Path.Combine(_root, "server");

    public async ValueTask InitializeAsync()
    {
        await TestInstance.InitAsync(Data);
        await File.AppendAllTextAsync(Path.Combine(Data, "postgresql.conf"), "include 'more.conf'\nwork_mem = '5MB'\n", Cancel);
        await File.WriteAllTextAsync(Path.Combine(Data, "more.conf"), "statement_timeout = '17min' # of the test\n", Cancel);
        _server = await TestInstance.StartAsync(Data);
        await ExecuteAsync("CREATE ROLE plain LOGIN; ALTER SYSTEM SET log_min_duration_statement = '7s'");
    }

    [Fact]
    public async Task Take_OneNodeAnswersAndOneDoesNot_HoldsTheFilesOfTheOneAndNamesTheOther()
    {
        using var world = new World(this);
        var operation = Guid.NewGuid();

        var taken = await world.Engine.TakeAsync(new TakeOrder("orders", BackupType.Configuration, operation), Silent, Cancel);

        Assert.Equal((BackupType.Configuration, null, null), (taken.Type, taken.StopLsn, taken.Base));
        Assert.All(taken.Copies, c => Assert.Null(c.Failure));
        Assert.Equal(taken.Copies[0].Label, (await world.Engine.FindAsync("orders", operation, Cancel))!.Copies[1].Label);
        var verdicts = await world.Engine.VerifyAsync("orders", Copies(taken), Silent, Cancel);
        Assert.All(verdicts, v => Assert.True(v.Passed, v.Detail));
        Assert.Contains("not in it: there", verdicts[1].Detail, StringComparison.Ordinal);

        var (backup, files) = await world.ReadAsync("b", taken.Copies[1].Label);
        foreach (var name in new[] { "postgresql.conf", "more.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf" })
            Assert.Equal(await File.ReadAllBytesAsync(Path.Combine(Data, name), Cancel), files[$"here{Data}/{name}"]);
        Assert.Equal(("here", files.Count - 1), (Assert.Single(backup.Nodes).Region, backup.Nodes[0].Files));
        Assert.Contains("refuse", backup.Unread["there"], StringComparison.OrdinalIgnoreCase);
        var settings = JsonDocument.Parse(files["here/settings.json"]).RootElement.EnumerateArray().ToDictionary(s => s.GetProperty("name").GetString()!, s => s.GetProperty("value").GetString());
        Assert.Equal(("5120", "1020000"), (settings["work_mem"], settings["statement_timeout"]));

        await world.Engine.ExpireAsync("orders", Copies(taken), Cancel);
        Assert.Empty(Directory.GetFiles(Path.Combine(_root, "a"), "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task Take_NoNodeAnswers_IsRefusedAndLeavesNothing()
    {
        using var world = new World(this) { Only = "there" };
        var refused = await Assert.ThrowsAsync<BackupEngineException>(() => world.Engine.TakeAsync(new TakeOrder("orders", BackupType.Configuration, Guid.NewGuid()), Silent, Cancel));
        Assert.Contains("could not be read", refused.Message, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(Path.Combine(_root, "a"), "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task Take_ByARoleThatMayNotReadFiles_SaysWhatToGrantAndThatIsEnough()
    {
        using var world = new World(this) { Role = "plain" };
        var order = new TakeOrder("orders", BackupType.Configuration, Guid.NewGuid());
        var refused = await Assert.ThrowsAsync<BackupEngineException>(() => world.Engine.TakeAsync(order, Silent, Cancel));
        Assert.True(refused.Final);
        var advice = refused.Message[refused.Message.IndexOf("GRANT", StringComparison.Ordinal)..];

        await ExecuteAsync(advice);

        Assert.All((await world.Engine.TakeAsync(order, Silent, Cancel)).Copies, c => Assert.Null(c.Failure));
    }

    [Fact]
    public async Task Take_AStoreIsFull_TheOtherHasItAndTheReasonIsKept()
    {
        using var world = new World(this) { Refuses = StoreFailure.Full };
        var taken = await world.Engine.TakeAsync(new TakeOrder("orders", BackupType.Configuration, Guid.NewGuid()), Silent, Cancel);
        Assert.Null(taken.Copies[0].Failure);
        Assert.Equal(("b", ""), (taken.Copies[1].Repository, taken.Copies[1].Label));
        Assert.Contains("Free space there", taken.Copies[1].Failure, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("files.ocb")]
    [InlineData("backup.ocb")]
    public async Task Verify_AFlippedBit_IsFound(string part)
    {
        using var world = new World(this);
        var taken = await world.Engine.TakeAsync(new TakeOrder("orders", BackupType.Configuration, Guid.NewGuid()), Silent, Cancel);
        var path = Directory.GetFiles(Path.Combine(_root, "a"), part, SearchOption.AllDirectories).Single();
        var bytes = await File.ReadAllBytesAsync(path, Cancel);
        bytes[bytes.Length / 2] ^= 4;
        await File.WriteAllBytesAsync(path, bytes, Cancel);
        Assert.Equal([false, true], (await world.Engine.VerifyAsync("orders", Copies(taken), Silent, Cancel)).Select(v => v.Passed));
    }

    [Fact]
    public async Task Extract_ANameThatLeadsOut_IsRefusedAndNothingIsWrittenThere()
    {
        var damaged = await Assert.ThrowsAsync<DamagedBackupException>(() => ConfigurationArchive.ExtractAsync([("../outside", Encoding.UTF8.GetBytes("x"))], Path.Combine(_root, "out"), Cancel));
        Assert.Contains("leads out", damaged.Message, StringComparison.Ordinal);
        Assert.False(File.Exists(Path.Combine(_root, "outside")));
    }

    private static List<BackupCopy> Copies(TakenBackup taken) => [.. taken.Copies.Select(c => new BackupCopy(c.Repository, "here", c.Label, CopyState.Stored, c.StoredBytes, null, ""))];

    private async Task ExecuteAsync(string sql)
    {
        await using var connection = new NpgsqlConnection($"Host=127.0.0.1;Port={_server.Port};Username=postgres;Database=postgres;Pooling=false");
        await connection.OpenAsync(Cancel);
        foreach (var statement in sql.Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries))
        {
            await using var command = new NpgsqlCommand(statement, connection); // ALTER SYSTEM wants no transaction
            await command.ExecuteNonQueryAsync(Cancel);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _server.DisposeAsync();
        Directory.Delete(_root, recursive: true);
    }

    private sealed class World : IDisposable
    {
        private readonly BackupKey _key = BackupKey.Generate("k1");
        private readonly ClusterOptions _cluster;
        private readonly Repositories _repositories;
        private readonly DeclaredKeys _keys;
        private readonly Dictionary<string, MoodyStore> _stores = [];

        public World(ConfigurationTests test)
        {
            _cluster = new ClusterOptions
            {
                Id = "orders", PrimaryRegion = "here", Database = "postgres", Username = "postgres",
                Nodes = [new() { Region = "here", Address = $"127.0.0.1:{test._server.Port}" }, new() { Region = "there", Address = "127.0.0.1:1" }],
            };
            var fleet = new FleetModel(new FleetOptions
            {
                Regions = [new() { Id = "here" }, new() { Id = "there" }], Clusters = [_cluster],
                BackupRepositories = [new() { Id = "a", Region = "here" }, new() { Id = "b", Region = "there" }], BackupKeys = [new() { Id = "k1", Key = _key.ToBase64() }],
            });
            _repositories = new Repositories(fleet, (repository, _) => _stores[repository.Id] = new MoodyStore(new FileStore(repository.Id, Directory.CreateDirectory(Path.Combine(test._root, repository.Id)).FullName)));
            _keys = new DeclaredKeys(fleet, new NoUnwrapper());
            Engine = new ConfigurationEngine(fleet, new BackupsOptions { Configuration = [new() { Cluster = "orders", Repositories = ["a", "b"] }] }, _repositories, _keys, TimeProvider.System);
        }

        public ConfigurationEngine Engine { get; }
        public StoreFailure Refuses { init => _stores["b"].Refuses = value; }
        public string Role { init => _cluster.Username = value; }
        public string Only { init => _cluster.Nodes.RemoveAll(n => n.Region != value); }

        public async Task<(ConfigurationBackup Backup, Dictionary<string, byte[]> Files)> ReadAsync(string store, string label)
        {
            var (repository, ring) = (new ConfigurationRepository(_repositories[store]), await _keys.RingAsync(Cancel));
            var backup = await repository.DescribeAsync("orders", label, ring, Cancel);
            return (backup, (await repository.FilesAsync(backup, ring, Cancel)).ToDictionary(f => f.Name, f => f.Content));
        }

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
}
