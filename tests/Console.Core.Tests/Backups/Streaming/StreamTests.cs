using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Format;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Backups.Streaming;
using OpsConsole.Core.Drivers.Postgres;
using OpsConsole.Testing;

namespace OpsConsole.Core.Tests.Backups.Streaming;

/// <summary>A real server read, stored, restored and opened.</summary>
public sealed class StreamTests
{
    private static readonly RestoreTarget AsTaken = new(RecoveryTarget.Backup);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Backup_IntoThreeStores_OpensFromEach()
    {
        await using var database = await StreamedDatabase.MakeAsync();
        IBackupStore[] stores = [database.Store("a"), database.Store("b"), database.Store("c")];

        var taken = await database.TakeAsync(stores);

        Assert.Empty(taken.Failures);
        Assert.Equal(3, taken.Stores.Count);
        Assert.True(taken.Backup.SizeBytes > 20_000_000);
        Assert.InRange(taken.Backup.StoredBytes, 1_000_000, taken.Backup.SizeBytes / 2);
        foreach (var store in stores) Assert.Equal(taken.Backup.StoredBytes, await new StreamRepository(store).VerifyAsync("orders", taken.Backup.Label, database.Keys, (_, _) => Task.CompletedTask, Cancel));

        var directory = database.NewDirectory();
        var restored = await database.RestoreAsync(stores[2], taken.Backup.Label, AsTaken, directory);
        Assert.True(restored.Files > 900);
        await using var server = await TestInstance.StartAsync(directory);
        Assert.Equal(20000, await server.ScalarAsync<long>("SELECT count(*) FROM t WHERE text = md5(id::text)", database.Name));
        Assert.Equal("f", await server.ScalarAsync<string>("SELECT pg_is_in_recovery()::text::char(1)"));
    }

    [Fact]
    public async Task Backup_OfAStandby_RestoresAsAPrimary()
    {
        await using var database = await StreamedDatabase.MakeAsync();
        await using var standby = await TestReplica.CreateAsync(database.Postgres);
        using var store = database.Store();
        var taker = new StreamTaker(new BaseBackupSource(TimeProvider.System), FanOutLimits.Usual, TimeProvider.System);

        var taken = await taker.TakeAsync(database.Order() with { Address = $"127.0.0.1:{standby.Port}" }, database.Keys, [store], (_, _) => Task.CompletedTask, Cancel);

        Assert.True(taken.Backup.FromStandby);
        var directory = database.NewDirectory();
        await database.RestoreAsync(store, taken.Backup.Label, AsTaken, directory);
        Assert.False(File.Exists(Path.Combine(directory, "standby.signal")));
        Assert.DoesNotContain("primary_conninfo", await File.ReadAllTextAsync(Path.Combine(directory, "postgresql.auto.conf"), Cancel), StringComparison.Ordinal);
        await using var server = await TestInstance.StartAsync(directory);
        Assert.Equal(20000, await server.ScalarAsync<long>("SELECT count(*) FROM t", database.Name));
    }

    [Theory]
    [InlineData("base.ocb")]
    [InlineData("files.ocb")]
    [InlineData("backup.ocb")]
    public async Task Backup_WithAFlippedBit_IsFoundByVerifyAndRestore(string part)
    {
        await using var database = await StreamedDatabase.MakeAsync();
        using var store = database.Store();
        var taken = await database.TakeAsync([store]);
        var path = Directory.GetFiles(store.Location, part, SearchOption.AllDirectories).Single();
        await using (var file = File.Open(path, FileMode.Open))
        {
            file.Position = file.Length / 2;
            var one = file.ReadByte();
            file.Position--;
            file.WriteByte((byte)(one ^ 4));
        }

        await Assert.ThrowsAsync<DamagedBackupException>(() => new StreamRepository(store).VerifyAsync("orders", taken.Backup.Label, database.Keys, (_, _) => Task.CompletedTask, Cancel));
        await Assert.ThrowsAsync<DamagedBackupException>(() => database.RestoreAsync(store, taken.Backup.Label, AsTaken, database.NewDirectory()));
    }

    [Fact]
    public async Task Restore_WithAnotherKey_NamesTheOneThatIsNeeded()
    {
        await using var database = await StreamedDatabase.MakeAsync();
        using var store = database.Store();
        var taken = await database.TakeAsync([store]);

        var refusal = await Assert.ThrowsAsync<BackupKeyException>(() => database.RestoreAsync(store, taken.Backup.Label, AsTaken, database.NewDirectory(), new KeyRing([BackupKey.Generate("k9")])));

        Assert.Contains("under the key k1", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Restore_IntoADirectoryInUse_WritesNothing()
    {
        await using var database = await StreamedDatabase.MakeAsync();
        using var store = database.Store();
        var taken = await database.TakeAsync([store]);
        var directory = database.NewDirectory();
        Directory.CreateDirectory(directory);
        await File.WriteAllTextAsync(Path.Combine(directory, "precious"), "x", Cancel);

        await Assert.ThrowsAsync<BackupEngineException>(() => database.RestoreAsync(store, taken.Backup.Label, AsTaken, directory));

        Assert.Equal(["precious"], Directory.GetFileSystemEntries(directory).Select(Path.GetFileName));
    }

    [Fact]
    public async Task Backup_Abandoned_LeavesNothing()
    {
        await using var database = await StreamedDatabase.MakeAsync();
        using var store = database.Store();
        var taken = await database.TakeAsync([store]);
        var repository = new StreamRepository(store);
        Assert.Equal(taken.Backup.Label, await repository.FindAsync("orders", taken.Backup.Operation, Cancel));

        await repository.AbandonAsync("orders", taken.Backup.Operation, Cancel);

        Assert.Null(await repository.FindAsync("orders", taken.Backup.Operation, Cancel));
        Assert.Empty(await store.ListAsync("", Cancel).ToListAsync(Cancel));
    }
}
