using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Format;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Backups.Streaming;
using OpsConsole.Core.Drivers.Files;
using OpsConsole.Core.Drivers.Postgres;
using OpsConsole.Core.Fleet;
using OpsConsole.Testing;

namespace OpsConsole.Core.Tests.Backups.Streaming;

/// <summary>The test process's PostgreSQL with a database of its own, directories as repositories, and what takes and restores.</summary>
public sealed class StreamedDatabase : IAsyncDisposable
{
    // Others than root run the servers.
    private readonly string _root = Directory.CreateDirectory(Path.Combine(Path.GetTempPath(), $"opsconsole-streamed-{Guid.NewGuid():N}")).FullName;

    private StreamedDatabase(TestPostgres postgres, string name) => (Postgres, Name) = (postgres, name);

    public TestPostgres Postgres { get; }
    public string Name { get; }
    public KeyRing Keys { get; } = new([BackupKey.Generate("k1")]);
    public ClusterOptions Cluster { get; } = new() { Id = "orders", Username = "postgres" };
    public string Address => $"127.0.0.1:{Postgres.Port}";

    public static async Task<StreamedDatabase> MakeAsync()
    {
        var postgres = await TestPostgres.SharedAsync();
        var database = new StreamedDatabase(postgres, $"s{Guid.NewGuid():N}");
        await postgres.ExecuteAsync($"CREATE DATABASE {database.Name}");
        await database.ExecuteAsync("CREATE TABLE t AS SELECT g AS id, md5(g::text) AS text FROM generate_series(1, 20000) g");
        return database;
    }

    public Task ExecuteAsync(string sql) => Postgres.ExecuteAsync(sql, Name);

    public FileStore Store(string id = "near") => new(id, Directory.CreateDirectory(Path.Combine(_root, "store-" + id)).FullName);

    public string NewDirectory() => Path.Combine(Directory.CreateDirectory(Path.Combine(_root, Guid.NewGuid().ToString("N")[..8])).FullName, "data");

    public StreamOrder Order() => new(Cluster, "us-east-1", Address, Guid.NewGuid(), new BaseBackupOrder("test"));

    public Task<StreamTaken> TakeAsync(IReadOnlyList<IBackupStore> stores, FanOutLimits? limits = null, IBaseBackupSource? source = null) =>
        new StreamTaker(source ?? new BaseBackupSource(TimeProvider.System), limits ?? FanOutLimits.Usual, TimeProvider.System).TakeAsync(Order(), Keys, stores, (_, _) => Task.CompletedTask, TestContext.Current.CancellationToken);

    internal async Task<StreamRestored> RestoreAsync(IBackupStore store, string label, RestoreTarget target, string directory, KeyRing? keys = null)
    {
        await using var sink = DirectorySink.Make(directory);
        return await new StreamRestorer(store, keys ?? Keys).RestoreAsync(
            new StreamRestore(Cluster.Id, label, target) { DataDirectory = directory }, sink, (_, _) => Task.CompletedTask, TestContext.Current.CancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        await Postgres.ExecuteAsync($"DROP DATABASE {Name} WITH (FORCE)");
        Directory.Delete(_root, recursive: true);
    }
}
