using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text;
using Azure;
using Azure.Identity;
using Azure.Storage;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Drivers.Azure;

/// <summary>Azure Blob Storage: block blobs, staged block by block and committed at once. Uncommitted blocks vanish by themselves after a week.</summary>
public sealed class AzureBlobStore : IBackupStore
{
    // 50,000 blocks: 800 GB.
    private const int BlockBytes = 16 * 1024 * 1024;
    private static readonly UploadTransferValidationOptions Checked = new() { ChecksumAlgorithm = StorageChecksumAlgorithm.MD5 };
    private readonly BackupRepositoryOptions _repository;
    private readonly BlobContainerClient _container;
    private readonly TimeProvider _time;

    public AzureBlobStore(BackupRepositoryOptions repository, TimeProvider time)
    {
        (_repository, _time) = (repository, time);
        var options = new BlobClientOptions();
        options.Retry.NetworkTimeout = TimeSpan.FromSeconds(120);
        var uri = new Uri($"{repository.Endpoint.TrimEnd('/')}/{repository.Bucket}");
        _container = repository.AccessKey.Length > 0
            ? new BlobContainerClient(uri, new StorageSharedKeyCredential(repository.AccessKey, repository.SecretKey), options)
            : new BlobContainerClient(uri, new DefaultAzureCredential(), options);
        Capabilities = new StoreCapabilities(ConditionalPut: true, repository.ObjectLock, repository.ObjectLock, Versioned: repository.ObjectLock);
    }

    public string Id => _repository.Id;
    public string Location => $"{_repository.Endpoint.TrimEnd('/')}/{_repository.Bucket}/{_repository.Prefix}".TrimEnd('/');
    public StoreCapabilities Capabilities { get; }

    public Task<StoredObject> PutAsync(string name, Stream content, PutOptions options, CancellationToken cancel) => Guarded(name, async () =>
    {
        var blob = _container.GetBlockBlobClient(KeyOf(name));
        var buffer = ArrayPool<byte>.Shared.Rent(BlockBytes);
        try
        {
            var (blocks, size) = (new List<string>(), 0L);
            int length;
            while ((length = await content.ReadAtLeastAsync(buffer.AsMemory(0, BlockBytes), BlockBytes, throwOnEndOfStream: false, cancel)) > 0)
            {
                var block = Convert.ToBase64String(Encoding.ASCII.GetBytes($"{blocks.Count:D6}"));
                using var body = new MemoryStream(buffer, 0, length);
                await blob.StageBlockAsync(block, body, new BlockBlobStageBlockOptions { TransferValidation = Checked }, cancel);
                blocks.Add(block);
                size += length;
                if (length < BlockBytes) break;
            }
            var until = RetainUntil(options);
            await blob.CommitBlockListAsync(
                blocks,
                new CommitBlockListOptions
                {
                    Conditions = options.IfAbsent ? new BlobRequestConditions { IfNoneMatch = ETag.All } : null,
                    ImmutabilityPolicy = until is null ? null : new BlobImmutabilityPolicy { ExpiresOn = until, PolicyMode = BlobImmutabilityPolicyMode.Locked },
                },
                cancel);
            return new StoredObject(name, size, _time.GetUtcNow()) { RetainUntil = until };
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }, cancel);

    public Task<Stream> GetAsync(string name, long offset, long? length, CancellationToken cancel) => Guarded<Stream>(name, async () =>
    {
        var answer = await _container.GetBlobClient(KeyOf(name)).DownloadStreamingAsync(new BlobDownloadOptions { Range = new HttpRange(offset, length) }, cancel);
        return new OwningStream(answer.Value.Content, answer.Value);
    }, cancel);

    public async IAsyncEnumerable<StoredObject> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancel)
    {
        var pages = _container.GetBlobsAsync(new GetBlobsOptions { Prefix = KeyOf(prefix) }, cancel).GetAsyncEnumerator(cancel);
        await using (pages)
        {
            while (await Guarded(prefix, async () => await pages.MoveNextAsync(), cancel))
                yield return new StoredObject(NameOf(pages.Current.Name), pages.Current.Properties.ContentLength ?? 0, pages.Current.Properties.LastModified ?? DateTimeOffset.UnixEpoch);
        }
    }

    public Task<StoredObject?> FindAsync(string name, CancellationToken cancel) => Guarded(name, async () =>
    {
        try
        {
            var found = (await _container.GetBlobClient(KeyOf(name)).GetPropertiesAsync(cancellationToken: cancel)).Value;
            return new StoredObject(name, found.ContentLength, found.LastModified) { RetainUntil = found.ImmutabilityPolicy?.ExpiresOn, Held = found.HasLegalHold };
        }
        catch (RequestFailedException e) when (e.Status == 404 && e.ErrorCode != "ContainerNotFound")
        {
            return null;
        }
    }, cancel);

    public Task DeleteAsync(string name, CancellationToken cancel) =>
        Guarded(name, async () => (await _container.GetBlobClient(KeyOf(name)).DeleteIfExistsAsync(DeleteSnapshotsOption.IncludeSnapshots, cancellationToken: cancel)).Value, cancel);

    public Task HoldAsync(string name, bool held, CancellationToken cancel) => Guarded(name, () => _container.GetBlobClient(KeyOf(name)).SetLegalHoldAsync(held, cancel), cancel);

    public Task RetainAsync(string name, DateTimeOffset until, CancellationToken cancel) => Guarded(name, () => _container.GetBlobClient(KeyOf(name))
        .SetImmutabilityPolicyAsync(new BlobImmutabilityPolicy { ExpiresOn = until, PolicyMode = BlobImmutabilityPolicyMode.Locked }, cancellationToken: cancel), cancel);

    public Task CheckAsync(CancellationToken cancel) =>
        Capabilities.Retention ? Guarded("", async () => (await _container.GetPropertiesAsync(cancellationToken: cancel)).Value, cancel) : StoreChecks.RoundTripAsync(this, cancel);

    private DateTimeOffset? RetainUntil(PutOptions options)
    {
        if (!Capabilities.Retention) return null;
        var own = _repository.RetainDays > 0 && !options.Passing ? _time.GetUtcNow().AddDays(_repository.RetainDays) : (DateTimeOffset?)null;
        return options.RetainUntil > own || own is null ? options.RetainUntil : own;
    }

    private string KeyOf(string name) => ObjectName.In(_repository.Prefix, name);

    private string NameOf(string key) => _repository.Prefix.Length == 0 ? key : key[(_repository.Prefix.Trim('/').Length + 1)..];

    private async Task<T> Guarded<T>(string name, Func<Task<T>> action, CancellationToken cancel)
    {
        try
        {
            return await action();
        }
        catch (Exception e) when (!cancel.IsCancellationRequested && AzureErrors.Translate(this, name, e) is { } known)
        {
            throw known;
        }
    }

    public void Dispose() { }
}
