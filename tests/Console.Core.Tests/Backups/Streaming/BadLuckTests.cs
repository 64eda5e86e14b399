using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Backups.Streaming;
using OpsConsole.Core.Drivers;
using OpsConsole.Core.Drivers.Postgres;
using OpsConsole.Core.Fleet;
using OpsConsole.Sandbox.Storage;
using OpsConsole.Testing;

namespace OpsConsole.Core.Tests.Backups.Streaming;

/// <summary>Stores and servers that fail while a backup is being taken.</summary>
public sealed class BadLuckTests
{
    private static readonly FanOutLimits Impatient = new(8, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(5));

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData(StoreFailure.Full, "Free space there")]
    [InlineData(StoreFailure.Denied, "Check the repository's keys")]
    public async Task Backup_WhileAStoreFails_GoesIntoTheOthers(StoreFailure failure, string remedy)
    {
        await using var database = await StreamedDatabase.MakeAsync();
        using var good = database.Store("good");
        using var moody = new MoodyStore(database.Store("moody")) { Refuses = failure, After = 1_000_000 };

        var taken = await database.TakeAsync([moody, good]);

        Assert.Equal(["good"], taken.Stores.Select(s => s.Id));
        Assert.Contains(remedy, taken.Failures["moody"], StringComparison.Ordinal);
        Assert.Empty(await moody.ListAsync("", Cancel).ToListAsync(Cancel));
        await new StreamRepository(good).VerifyAsync("orders", taken.Backup.Label, database.Keys, (_, _) => Task.CompletedTask, Cancel);
    }

    [Fact]
    public async Task Backup_WhileAStoreIsSilent_LeavesItBehind()
    {
        await using var database = await StreamedDatabase.MakeAsync();
        using var good = database.Store("good");
        using var moody = new MoodyStore(database.Store("moody")) { Silent = true };

        var taken = await database.TakeAsync([moody, good], Impatient);

        Assert.Equal(["good"], taken.Stores.Select(s => s.Id));
        Assert.Contains("check its load and the network", taken.Failures["moody"], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Backup_IntoNoStoreAtAll_SaysWhyOfEach()
    {
        await using var database = await StreamedDatabase.MakeAsync();
        using var one = new MoodyStore(database.Store("one")) { Refuses = StoreFailure.Full };
        using var two = new MoodyStore(database.Store("two")) { Refuses = StoreFailure.Denied, After = 500_000 };

        var failure = await Assert.ThrowsAsync<BackupEngineException>(() => database.TakeAsync([one, two]));

        Assert.Contains("one: ", failure.Message, StringComparison.Ordinal);
        Assert.Contains("two: ", failure.Message, StringComparison.Ordinal);
        Assert.Empty(await two.ListAsync("", Cancel).ToListAsync(Cancel));
    }

    [Fact]
    public async Task Backup_WhenItsServerIsLost_LeavesNothing()
    {
        await using var database = await StreamedDatabase.MakeAsync();
        await using var standby = await TestReplica.CreateAsync(database.Postgres);
        using var store = database.Store();
        var lost = 0;
        var order = database.Order() with { Address = $"127.0.0.1:{standby.Port}", Base = new BaseBackupOrder("", MaxKilobytesPerSecond: 256) }; // slow enough to be lost in the middle

        var failure = await Assert.ThrowsAsync<BackupEngineException>(() => new StreamTaker(new BaseBackupSource(TimeProvider.System), FanOutLimits.Usual, TimeProvider.System).TakeAsync(
            order, database.Keys, [store], (_, _) => Interlocked.Exchange(ref lost, 1) == 0 ? standby.CrashAsync() : Task.CompletedTask, Cancel));

        Assert.Contains($"127.0.0.1:{standby.Port}", failure.Message, StringComparison.Ordinal);
        Assert.False(failure.Final);
        Assert.Empty(await store.ListAsync("", Cancel).ToListAsync(Cancel));
        Assert.Empty(Directory.GetFiles(store.Location, "*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task Backup_WhenItsKeyOfTheStoreIsRevoked_GoesIntoTheOthers()
    {
        await using var database = await StreamedDatabase.MakeAsync();
        var root = Directory.CreateTempSubdirectory("opsconsole-revoked-").FullName;
        await using var server = await S3Server.StartAsync(root, TimeProvider.System, Cancel);
        server.Store.CreateBucket("backups");
        using var s3 = BackupStores.Open(new BackupRepositoryOptions { Id = "s3", Kind = RepositoryKind.S3, Endpoint = server.Address, Bucket = "backups", AccessKey = S3Api.AccessKey, SecretKey = server.SecretKey }, "eu-west-1", TimeProvider.System);
        await s3.CheckAsync(Cancel);
        using var good = database.Store("good");

        var taken = await new StreamTaker(new BaseBackupSource(TimeProvider.System), FanOutLimits.Usual, TimeProvider.System).TakeAsync(database.Order(), database.Keys, [s3, good], (_, _) =>
        {
            server.Signature.Revoked = true;
            return Task.CompletedTask;
        }, Cancel);

        Assert.Equal(["good"], taken.Stores.Select(s => s.Id));
        Assert.Contains("access is refused (InvalidAccessKeyId)", taken.Failures["s3"], StringComparison.Ordinal);
        Directory.Delete(root, recursive: true);
    }
}
