using System.Buffers;
using System.Buffers.Binary;
using System.IO.Hashing;
using System.Net;
using System.Runtime.CompilerServices;
using Amazon.Runtime;
using Amazon.S3;
using Amazon.S3.Model;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Drivers.S3;

/// <summary>S3 and what is compatible with it. Objects of one part are put at once, larger ones in parts of growing size, two on their way at a time; each carries a CRC-32 that the
/// store checks. Bodies are sent as they are, never in the chunked encoding, which some compatible stores keep as if it were content.</summary>
public sealed class S3Store : IBackupStore
{
    private const int PartsAtOnce = 2;
    private readonly BackupRepositoryOptions _repository;
    private readonly AmazonS3Client _client;
    private readonly bool _unsignedBodies;
    private readonly TimeProvider _time;

    public S3Store(BackupRepositoryOptions repository, string region, TimeProvider time)
    {
        (_repository, _time) = (repository, time);
        _client = S3Client.Make(repository, region);
        // Over TLS the body is protected on its way; its SHA-256 would cost more than everything else here.
        _unsignedBodies = repository.Endpoint.StartsWith("https://", StringComparison.OrdinalIgnoreCase);
        Capabilities = new StoreCapabilities(ConditionalPut: true, repository.ObjectLock, repository.ObjectLock, Versioned: repository.ObjectLock);
    }

    public string Id => _repository.Id;
    public string Location => $"{_repository.Endpoint.TrimEnd('/')}/{_repository.Bucket}/{_repository.Prefix}".TrimEnd('/');
    public StoreCapabilities Capabilities { get; }

    public Task<StoredObject> PutAsync(string name, Stream content, PutOptions options, CancellationToken cancel) => Guarded(name, async () =>
    {
        var first = ArrayPool<byte>.Shared.Rent(S3Parts.Smallest);
        try
        {
            var length = await content.ReadAtLeastAsync(first.AsMemory(0, S3Parts.Smallest), S3Parts.Smallest, throwOnEndOfStream: false, cancel);
            return length < S3Parts.Smallest ? await PutWholeAsync(name, first, length, options, cancel) : await PutPartsAsync(name, first, content, options, cancel);
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(first);
        }
    }, cancel);

    private async Task<StoredObject> PutWholeAsync(string name, byte[] bytes, int length, PutOptions options, CancellationToken cancel)
    {
        var until = RetainUntil(options);
        using var body = new MemoryStream(bytes, 0, length);
        await _client.PutObjectAsync(
            new PutObjectRequest
            {
                BucketName = _repository.Bucket,
                Key = KeyOf(name),
                InputStream = body,
                AutoCloseStream = false,
                UseChunkEncoding = false,
                DisablePayloadSigning = _unsignedBodies,
                ChecksumCRC32 = Crc(bytes, length),
                IfNoneMatch = options.IfAbsent ? "*" : null,
                ObjectLockMode = until is null ? null : ObjectLockMode.Compliance,
                ObjectLockRetainUntilDate = until?.UtcDateTime,
            },
            cancel);
        return new StoredObject(name, length, _time.GetUtcNow()) { RetainUntil = until };
    }

    private async Task<StoredObject> PutPartsAsync(string name, byte[] first, Stream content, PutOptions options, CancellationToken cancel)
    {
        var until = RetainUntil(options);
        var upload = await _client.InitiateMultipartUploadAsync(
            new InitiateMultipartUploadRequest
            {
                BucketName = _repository.Bucket,
                Key = KeyOf(name),
                ChecksumAlgorithm = ChecksumAlgorithm.CRC32,
                ObjectLockMode = until is null ? null : ObjectLockMode.Compliance,
                ObjectLockRetainUntilDate = until?.UtcDateTime,
            },
            cancel);
        using var giveUp = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var parts = new S3Parts(_client, _repository.Bucket, KeyOf(name), upload.UploadId, _unsignedBodies, PartsAtOnce);
        try
        {
            var size = await parts.UploadAsync(first, content, giveUp.Token);
            await _client.CompleteMultipartUploadAsync(
                new CompleteMultipartUploadRequest { BucketName = _repository.Bucket, Key = KeyOf(name), UploadId = upload.UploadId, PartETags = parts.Done, IfNoneMatch = options.IfAbsent ? "*" : null }, cancel);
            return new StoredObject(name, size, _time.GetUtcNow()) { RetainUntil = until };
        }
        catch
        {
            await giveUp.CancelAsync();
            await AbortAsync(name, upload.UploadId);
            throw;
        }
    }

    // What was uploaded costs money until it is aborted. That it could not be is second to why we are here; a lifecycle rule of the bucket clears up then.
    private async Task AbortAsync(string name, string upload)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(10), _time);
        try
        {
            await _client.AbortMultipartUploadAsync(_repository.Bucket, KeyOf(name), upload, patience.Token);
        }
        catch (Exception e) when (e is AmazonClientException or AmazonServiceException or HttpRequestException or OperationCanceledException or IOException)
        {
            return;
        }
    }

    public Task<Stream> GetAsync(string name, long offset, long? length, CancellationToken cancel) => Guarded<Stream>(name, async () =>
    {
        var request = new GetObjectRequest { BucketName = _repository.Bucket, Key = KeyOf(name) };
        if (offset > 0 || length is not null) request.ByteRange = length is { } most ? new ByteRange(offset, offset + most - 1) : new ByteRange($"bytes={offset}-");
        var answer = await _client.GetObjectAsync(request, cancel);
        return new OwningStream(answer.ResponseStream, answer);
    }, cancel);

    public async IAsyncEnumerable<StoredObject> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancel)
    {
        var request = new ListObjectsV2Request { BucketName = _repository.Bucket, Prefix = KeyOf(prefix) };
        while (true)
        {
            var page = await Guarded(prefix, () => _client.ListObjectsV2Async(request, cancel), cancel);
            foreach (var found in page.S3Objects ?? []) yield return new StoredObject(NameOf(found.Key), found.Size ?? 0, found.LastModified ?? DateTimeOffset.UnixEpoch);
            if (page.IsTruncated != true) yield break;
            request.ContinuationToken = page.NextContinuationToken;
        }
    }

    public Task<StoredObject?> FindAsync(string name, CancellationToken cancel) => Guarded(name, async () =>
    {
        try
        {
            var found = await _client.GetObjectMetadataAsync(_repository.Bucket, KeyOf(name), cancel);
            return new StoredObject(name, found.ContentLength, found.LastModified ?? DateTimeOffset.UnixEpoch)
            {
                RetainUntil = found.ObjectLockRetainUntilDate is { } until ? new DateTimeOffset(until.ToUniversalTime(), TimeSpan.Zero) : null,
                Held = found.ObjectLockLegalHoldStatus == ObjectLockLegalHoldStatus.On,
            };
        }
        catch (AmazonS3Exception e) when (e.StatusCode == HttpStatusCode.NotFound && e.ErrorCode != "NoSuchBucket")
        {
            return null;
        }
    }, cancel);

    /// <summary>In a bucket with versions every version goes, or the space would stay in use.</summary>
    public Task DeleteAsync(string name, CancellationToken cancel) => Guarded(name, async () =>
    {
        if (!Capabilities.Versioned)
        {
            await _client.DeleteObjectAsync(_repository.Bucket, KeyOf(name), cancel);
            return true;
        }
        var page = await _client.ListVersionsAsync(new ListVersionsRequest { BucketName = _repository.Bucket, Prefix = KeyOf(name) }, cancel);
        foreach (var version in (page.Versions ?? []).Where(v => v.Key == KeyOf(name))) await _client.DeleteObjectAsync(_repository.Bucket, version.Key, version.VersionId, cancel);
        return true;
    }, cancel);

    public Task HoldAsync(string name, bool held, CancellationToken cancel) => Guarded(name, () => _client.PutObjectLegalHoldAsync(
        new PutObjectLegalHoldRequest
        {
            BucketName = _repository.Bucket,
            Key = KeyOf(name),
            LegalHold = new ObjectLockLegalHold { Status = held ? ObjectLockLegalHoldStatus.On : ObjectLockLegalHoldStatus.Off },
        },
        cancel), cancel);

    public Task RetainAsync(string name, DateTimeOffset until, CancellationToken cancel) => Guarded(name, () => _client.PutObjectRetentionAsync(
        new PutObjectRetentionRequest
        {
            BucketName = _repository.Bucket,
            Key = KeyOf(name),
            Retention = new ObjectLockRetention { Mode = ObjectLockRetentionMode.Compliance, RetainUntilDate = until.UtcDateTime },
        },
        cancel), cancel);

    public async Task CheckAsync(CancellationToken cancel)
    {
        if (Capabilities.Retention)
            await Guarded("", () => _client.ListObjectsV2Async(new ListObjectsV2Request { BucketName = _repository.Bucket, MaxKeys = 1 }, cancel), cancel); // what is written could not be deleted again
        else
            await StoreChecks.RoundTripAsync(this, cancel);
    }

    private DateTimeOffset? RetainUntil(PutOptions options)
    {
        if (!Capabilities.Retention) return null;
        var own = _repository.RetainDays > 0 && !options.Passing ? _time.GetUtcNow().AddDays(_repository.RetainDays) : (DateTimeOffset?)null;
        return options.RetainUntil > own || own is null ? options.RetainUntil : own;
    }

    internal static string Crc(byte[] bytes, int length)
    {
        var crc = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(crc, Crc32.HashToUInt32(bytes.AsSpan(0, length)));
        return Convert.ToBase64String(crc);
    }

    private string KeyOf(string name) => ObjectName.In(_repository.Prefix, name);

    private string NameOf(string key) => _repository.Prefix.Length == 0 ? key : key[(_repository.Prefix.Trim('/').Length + 1)..];

    private async Task<T> Guarded<T>(string name, Func<Task<T>> action, CancellationToken cancel)
    {
        try
        {
            return await action();
        }
        catch (Exception e) when (!cancel.IsCancellationRequested && S3Errors.Translate(this, name, e) is { } known)
        {
            throw known;
        }
    }

    public void Dispose() => _client.Dispose();
}
