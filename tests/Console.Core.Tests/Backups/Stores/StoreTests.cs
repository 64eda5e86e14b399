using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Format;
using OpsConsole.Core.Backups.Logical;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Backups.Streaming;
using OpsConsole.Core.Drivers;
using OpsConsole.Core.Drivers.Aws;
using OpsConsole.Core.Drivers.Files;
using OpsConsole.Core.Drivers.Hosts;
using OpsConsole.Core.Failover.Measuring;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Replication;
using OpsConsole.Sandbox.Storage;
using OpsConsole.Testing;

namespace OpsConsole.Core.Tests.Backups.Stores;

public sealed class FileStoreTests : StoreContract, IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("opsconsole-store-").FullName;

    protected override Task<IBackupStore> OpenAsync() => Task.FromResult<IBackupStore>(new FileStore("files", _root));

    [Theory]
    [InlineData("../outside")]
    [InlineData("a/../../outside")]
    [InlineData("/etc/passwd")]
    [InlineData("a//b")]
    [InlineData(".hidden")]
    [InlineData("a b")]
    public async Task Name_ThatLeadsElsewhere_IsRefused(string name) =>
        await Assert.ThrowsAsync<ArgumentException>(() => new FileStore("files", _root).PutAsync(name, new MemoryStream([1]), PutOptions.Replace, Cancel));

    [Fact]
    public async Task Put_OnAFullDisk_SaysSoAndLeavesNothing()
    {
        using var store = new FileStore("files", "/dev/full-of-nothing");

        var refusal = await Assert.ThrowsAsync<StoreException>(() => store.CheckAsync(Cancel));

        Assert.Equal(StoreFailure.Unreachable, refusal.Failure);
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);
}

/// <summary>The embedded store, which checks signatures and digests and has object lock.</summary>
public sealed class S3StoreTests : StoreContract, IAsyncDisposable
{
    private const string Bucket = "backups";
    private const string Locked = "locked";
    private readonly string _root = Directory.CreateTempSubdirectory("opsconsole-s3-").FullName;
    private readonly Microsoft.Extensions.Time.Testing.FakeTimeProvider _time = new(DateTimeOffset.Parse("2026-11-23T10:00:00Z", System.Globalization.CultureInfo.InvariantCulture));
    private S3Server? _server;

    protected override async Task<IBackupStore> OpenAsync() => await OpenAsync(Bucket);

    private async Task<IBackupStore> OpenAsync(string bucket, string? secret = null, int retainDays = 0)
    {
        _server ??= await S3Server.StartAsync(_root, _time, Cancel);
        _server.Store.CreateBucket(bucket, locks: bucket == Locked);
        return BackupStores.Open(
            new BackupRepositoryOptions
            {
                Id = "s3", Kind = RepositoryKind.S3, Endpoint = _server.Address, Bucket = bucket, Prefix = "some/where", AccessKey = S3Api.AccessKey, SecretKey = secret ?? _server.SecretKey,
                ObjectLock = bucket == Locked, RetainDays = retainDays,
            },
            "eu-west-1", _time);
    }

    [Theory]
    [InlineData(10)]
    [InlineData(17 * 1024 * 1024)]
    public async Task Retention_UntilItsEnd_KeepsTheObject(int length)
    {
        using var store = await OpenAsync(Locked, retainDays: 7);
        var put = await store.PutAsync("a", new MemoryStream(Content(length)), PutOptions.Replace, Cancel);

        var refusal = await Assert.ThrowsAsync<StoreException>(() => store.DeleteAsync("a", Cancel));
        Assert.Equal(StoreFailure.Locked, refusal.Failure);
        Assert.Equal(_time.GetUtcNow().AddDays(7), put.RetainUntil);
        Assert.Equal(put.RetainUntil, (await store.FindAsync("a", Cancel))!.RetainUntil);

        _time.Advance(TimeSpan.FromDays(7.1));
        await store.DeleteAsync("a", Cancel);
        Assert.Null(await store.FindAsync("a", Cancel));
    }

    [Fact]
    public async Task Retention_OnceSet_IsNotShortened()
    {
        using var store = await OpenAsync(Locked);
        await store.PutAsync("a", new MemoryStream([1]), PutOptions.Replace, Cancel);
        await store.RetainAsync("a", _time.GetUtcNow().AddDays(30), Cancel);

        var refusal = await Assert.ThrowsAsync<StoreException>(() => store.RetainAsync("a", _time.GetUtcNow().AddDays(1), Cancel));

        Assert.Equal(StoreFailure.Locked, refusal.Failure);
    }

    [Fact]
    public async Task Hold_UntilLifted_KeepsTheObject()
    {
        using var store = await OpenAsync(Locked);
        await store.PutAsync("a", new MemoryStream([1]), PutOptions.Replace, Cancel);
        await store.HoldAsync("a", held: true, Cancel);
        Assert.True((await store.FindAsync("a", Cancel))!.Held);
        Assert.Equal(StoreFailure.Locked, (await Assert.ThrowsAsync<StoreException>(() => store.DeleteAsync("a", Cancel))).Failure);

        await store.HoldAsync("a", held: false, Cancel);
        await store.DeleteAsync("a", Cancel);

        Assert.Null(await store.FindAsync("a", Cancel));
    }

    [Fact]
    public async Task Put_OverARetainedObject_KeepsTheOlderVersion()
    {
        using var store = await OpenAsync(Locked, retainDays: 1);
        await store.PutAsync("a", new MemoryStream([1]), PutOptions.Replace, Cancel);
        await store.PutAsync("a", new MemoryStream([2]), PutOptions.Replace, Cancel);

        Assert.Equal([2], await ReadAsync(store, "a", 0, null));
        Assert.Equal(2, _server!.Store.Versions(Locked, "some/where/a").Count());
    }

    [Fact]
    public async Task Access_ByAHostWhoseClockIsOff_NamesTheClock()
    {
        using var store = await OpenAsync(Bucket);
        _server!.Signature.Clock = _time; // days from this host's

        var refusal = await Assert.ThrowsAsync<StoreException>(() => store.CheckAsync(Cancel));

        Assert.Equal(StoreFailure.Skewed, refusal.Failure);
        Assert.Contains("clock", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("NTP", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Log_InALockedBucket_KeepsWholeSegmentsOnly()
    {
        using var store = await OpenAsync(Locked, retainDays: 7);
        var shipper = new WalShipper("orders", new KeyRing([BackupKey.Generate("k1")]), [store], FanOutLimits.Usual, TimeProvider.System);
        var (file, part) = (WalNames.FileName(1, 1, 1 << 24), new WalPosition((1UL << 24) + 4));

        await shipper.PartialAsync(1, file, new byte[4], part, Cancel);
        Assert.Null((await store.FindAsync(WalNames.Partial("orders", 1, file, part), Cancel))!.RetainUntil);
        await shipper.SegmentAsync(1, file, new byte[1 << 24], new WalPosition(2UL << 24), Cancel);

        Assert.Empty(_server!.Store.Versions(Locked, $"some/where/{WalNames.Partial("orders", 1, file, part)}"));
        Assert.NotNull((await store.FindAsync(WalNames.Whole("orders", 1, file), Cancel))!.RetainUntil);
    }

    [Fact]
    public async Task Hold_OfABackup_IsOneOfItsObjectsToo()
    {
        using var store = await OpenAsync(Locked);
        var options = new BackupsOptions { PgDump = [new() { Cluster = "orders", Repositories = ["s3"] }] };
        var fleet = new FleetModel(new FleetOptions
        {
            Regions = [new RegionOptions { Id = "here" }], Clusters = [new ClusterOptions { Id = "orders" }],
            BackupRepositories = [new() { Id = "s3", Region = "here" }], BackupKeys = [new() { Id = "k1", Key = BackupKey.Generate("k1").ToBase64() }],
        });
        using var repositories = new Repositories(fleet, (_, _) => store);
        using var keys = new DeclaredKeys(fleet, new KmsKeys());
        await using var shell = new HostShell(fleet, TimeProvider.System);
        var engine = new PgDumpEngine(fleet, options, new FleetFeed(), repositories, keys, new WriteBrakes(new PulseMeters(fleet, TimeProvider.System), options, TimeProvider.System), shell, shell, TimeProvider.System);
        var names = new LogicalRepository(store).Objects("orders", "L");
        foreach (var name in names) await store.PutAsync(name, new MemoryStream([1]), PutOptions.New, Cancel);
        var copy = new BackupCopy("s3", "here", "L", CopyState.Stored, 1, null, "");

        await engine.HoldAsync("orders", [copy], held: true, Cancel);
        foreach (var name in names) Assert.True((await store.FindAsync(name, Cancel))!.Held, name);
        Assert.Contains("locked", (await Assert.ThrowsAsync<BackupEngineException>(() => engine.ExpireAsync("orders", [copy], Cancel))).Message, StringComparison.Ordinal);

        await engine.HoldAsync("orders", [copy], held: false, Cancel);
        await engine.ExpireAsync("orders", [copy], Cancel);
        foreach (var name in names) Assert.Null(await store.FindAsync(name, Cancel));
    }

    [Fact]
    public async Task Access_WithAWrongSecret_IsDeniedWithWhatToDo()
    {
        using var store = await OpenAsync(Bucket, "another-secret");

        var refusal = await Assert.ThrowsAsync<StoreException>(() => store.CheckAsync(Cancel));

        Assert.Equal(StoreFailure.Denied, refusal.Failure);
        Assert.Contains("Check the repository's keys", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Put_IntoAFullStore_SaysSoAndLeavesNothing()
    {
        using var store = await OpenAsync();
        _server!.Store.Capacity = 20_000_000;

        var refusal = await Assert.ThrowsAsync<StoreException>(() => store.PutAsync("a", new MemoryStream(Content(40_000_000)), PutOptions.Replace, Cancel));

        Assert.Equal(StoreFailure.Full, refusal.Failure);
        Assert.Null(await store.FindAsync("a", Cancel));
        Assert.Empty(Directory.GetDirectories(Path.Combine(_root, ".uploads")));
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
        Directory.Delete(_root, recursive: true);
    }
}

/// <summary>A compatible store that knows no chunked encoding, no checksums and no conditions.</summary>
public sealed class OtherS3StoreTests : IAsyncDisposable
{
    private NodeProgram? _server;

    [Theory]
    [InlineData(1000)]
    [InlineData(20 * 1024 * 1024)]
    public async Task Put_WithPlainBodies_ComesBack(int length)
    {
        _server = await NodeProgram.StartAsync("s3rver.cjs");
        var address = (string)(await _server.ReadAsync())["address"]!;
        using var store = BackupStores.Open(new BackupRepositoryOptions { Id = "other", Kind = RepositoryKind.S3, Endpoint = address, Bucket = "backups", AccessKey = "S3RVER", SecretKey = "S3RVER" }, "", TimeProvider.System);
        var content = new byte[length];
        Random.Shared.NextBytes(content);

        await store.PutAsync("orders/a.ocb", new MemoryStream(content), PutOptions.Replace, TestContext.Current.CancellationToken);

        await using var stream = await store.GetAsync("orders/a.ocb", 0, null, TestContext.Current.CancellationToken);
        var read = new MemoryStream();
        await stream.CopyToAsync(read, TestContext.Current.CancellationToken);
        Assert.Equal(content, read.ToArray());
        Assert.Single(await store.ListAsync("orders/", TestContext.Current.CancellationToken).ToListAsync(TestContext.Current.CancellationToken));
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
    }
}

/// <summary>Azurite, the vendor's own emulator.</summary>
public sealed class AzureBlobStoreTests(AzuriteServer azurite) : StoreContract, IClassFixture<AzuriteServer>
{
    protected override async Task<IBackupStore> OpenAsync()
    {
        await azurite.MakeContainerAsync("backups");
        return BackupStores.Open(azurite.Repository("backups"), "", TimeProvider.System);
    }

    [Fact]
    public async Task Access_WithAWrongKey_IsDenied()
    {
        var repository = azurite.Repository("backups");
        repository.SecretKey = Convert.ToBase64String(new byte[64]);
        using var store = BackupStores.Open(repository, "", TimeProvider.System);

        var refusal = await Assert.ThrowsAsync<StoreException>(() => store.CheckAsync(Cancel));

        Assert.Equal(StoreFailure.Denied, refusal.Failure);
    }
}

public sealed class AzuriteServer : IAsyncLifetime
{
    // The emulator's published account.
    private const string Account = "devstoreaccount1";
    private const string Key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";
    private NodeProgram? _server;
    private string _address = "";

    public async ValueTask InitializeAsync()
    {
        _server = await NodeProgram.StartAsync("azurite.cjs");
        _address = (string)(await _server.ReadAsync())["address"]!;
    }

    public BackupRepositoryOptions Repository(string container) =>
        new() { Id = "azure", Kind = RepositoryKind.AzureBlob, Endpoint = $"{_address}/{Account}", Bucket = container, Prefix = "p", AccessKey = Account, SecretKey = Key };

    public async Task MakeContainerAsync(string name) =>
        await new global::Azure.Storage.Blobs.BlobContainerClient(new Uri($"{_address}/{Account}/{name}"), new global::Azure.Storage.StorageSharedKeyCredential(Account, Key)).CreateIfNotExistsAsync();

    public async ValueTask DisposeAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
    }
}

/// <summary>Google Cloud Storage has no emulator here: a small server that keeps to its documentation.</summary>
public sealed class GcsStoreTests : StoreContract, IAsyncDisposable
{
    private GcsServer? _server;

    protected override async Task<IBackupStore> OpenAsync() => await OpenAsync(locks: false);

    private async Task<IBackupStore> OpenAsync(bool locks)
    {
        _server ??= await GcsServer.StartAsync(Cancel);
        return BackupStores.Open(new BackupRepositoryOptions { Id = "gcs", Kind = RepositoryKind.GoogleCloudStorage, Endpoint = _server.Address, Bucket = "backups", Prefix = "p", ObjectLock = locks }, "", TimeProvider.System);
    }

    [Fact]
    public async Task Hold_UntilLifted_KeepsTheObject()
    {
        using var store = await OpenAsync();
        await store.PutAsync("a", new MemoryStream([1]), PutOptions.Replace, Cancel);
        await store.HoldAsync("a", held: true, Cancel);
        Assert.True((await store.FindAsync("a", Cancel))!.Held);
        Assert.Equal(StoreFailure.Locked, (await Assert.ThrowsAsync<StoreException>(() => store.DeleteAsync("a", Cancel))).Failure);

        await store.HoldAsync("a", held: false, Cancel);
        await store.DeleteAsync("a", Cancel);
    }

    [Fact]
    public async Task Retention_UntilItsEnd_KeepsTheObject()
    {
        using var store = await OpenAsync(locks: true);
        await store.PutAsync("a", new MemoryStream([1]), new PutOptions(RetainUntil: DateTimeOffset.Parse("2099-01-01T00:00:00Z", System.Globalization.CultureInfo.InvariantCulture)), Cancel);

        Assert.Equal(StoreFailure.Locked, (await Assert.ThrowsAsync<StoreException>(() => store.DeleteAsync("a", Cancel))).Failure);
    }

    [Fact]
    public async Task Upload_InterruptedInAChunk_GoesOnFromThere()
    {
        using var store = await OpenAsync();
        var content = Content(40 * 1024 * 1024);
        _server!.DropOnce = 20 * 1024 * 1024;

        await store.PutAsync("a", new MemoryStream(content), PutOptions.Replace, Cancel);

        Assert.Equal(content, await ReadAsync(store, "a", 0, null));
        Assert.True(_server.Asked > 0);
    }

    public async ValueTask DisposeAsync()
    {
        if (_server is not null) await _server.DisposeAsync();
    }
}
