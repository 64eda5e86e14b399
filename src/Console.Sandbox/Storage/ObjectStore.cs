using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace OpsConsole.Sandbox.Storage;

/// <summary>What is known of an object besides its bytes.</summary>
public sealed record ObjectInfo(string Key, long Size, string ETag, DateTimeOffset LastModified, string ContentType, Dictionary<string, string> Metadata)
{
    /// <summary>Empty in a bucket without versions.</summary>
    public string Version { get; init; } = "";
    /// <summary>A marker that the object was deleted: the versions before it remain.</summary>
    public bool Deleted { get; init; }
    public DateTimeOffset? RetainUntil { get; init; }
    public bool Held { get; init; }
}

/// <summary>What a put says of the object besides its name and bytes.</summary>
/// <param name="ETag">Null: the MD5 of the content, as S3 does for objects put in one piece.</param>
public sealed record ObjectDetails(string ContentType, Dictionary<string, string> Metadata, string? ETag = null, DateTimeOffset? RetainUntil = null, bool Held = false);

/// <summary>The disk that the store has is used up.</summary>
public sealed class StoreFullException() : IOException("The store is full.");

/// <summary>One region's buckets as files: per bucket a directory, per object a file with its bytes and one with its description,
/// both named by the hash of the key, since keys may hold anything. A description is written last and by rename, so that an
/// object is there as a whole or not at all. A bucket with object lock keeps every version, in files named by key and version.</summary>
public sealed class ObjectStore(string root, TimeProvider time)
{
    private const string LockMarker = ".locked";
    private readonly ConcurrentDictionary<string, ConcurrentDictionary<string, ObjectInfo>> _buckets = Load(root);
    private readonly ConcurrentDictionary<string, ConcurrentDictionary<(string Key, string Version), ObjectInfo>> _versions = LoadVersions(root);

    /// <summary>Bytes that may be written to it in all; null: what the disk takes.</summary>
    public long? Capacity { get; set; }

    public IEnumerable<string> Buckets => _buckets.Keys.Order(StringComparer.Ordinal);

    public bool HasBucket(string bucket) => _buckets.ContainsKey(bucket);

    /// <summary>False when it is there already.</summary>
    public bool CreateBucket(string bucket, bool locks = false)
    {
        Directory.CreateDirectory(Path.Combine(root, bucket));
        if (locks && !_buckets.ContainsKey(bucket))
        {
            File.WriteAllText(Path.Combine(root, bucket, LockMarker), "");
            _versions.TryAdd(bucket, []);
        }
        return _buckets.TryAdd(bucket, []);
    }

    /// <summary>Whether the bucket has versions and object lock.</summary>
    public bool Locks(string bucket) => _versions.ContainsKey(bucket);

    /// <summary>All versions, by key and then the newest first.</summary>
    public IEnumerable<ObjectInfo> Versions(string bucket, string prefix) => _versions.GetValueOrDefault(bucket)?.Values
        .Where(o => o.Key.StartsWith(prefix, StringComparison.Ordinal)).OrderBy(o => o.Key, StringComparer.Ordinal).ThenByDescending(o => o.LastModified) ?? Enumerable.Empty<ObjectInfo>();

    public ObjectInfo? Find(string bucket, string key, string version) =>
        version.Length == 0 ? Find(bucket, key) : _versions.GetValueOrDefault(bucket)?.GetValueOrDefault((key, version));

    /// <summary>False when it still holds objects.</summary>
    public bool DeleteBucket(string bucket)
    {
        if (!_buckets[bucket].IsEmpty || !_buckets.TryRemove(bucket, out _))
        {
            return false;
        }
        Directory.Delete(Path.Combine(root, bucket), recursive: true);
        return true;
    }

    /// <summary>In the order of their keys, byte by byte.</summary>
    public IEnumerable<ObjectInfo> List(string bucket, string prefix) =>
        _buckets[bucket].Values.Where(o => o.Key.StartsWith(prefix, StringComparison.Ordinal)).OrderBy(o => o.Key, StringComparer.Ordinal);

    public ObjectInfo? Find(string bucket, string key) => _buckets[bucket].GetValueOrDefault(key);

    public string FileOf(string bucket, string key, string version = "") =>
        Path.Combine(root, bucket, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(version.Length == 0 ? key : $"{key}\n{version}"))) + ".data");

    /// <exception cref="StoreFullException">the capacity is used up; nothing is left of the put</exception>
    public async Task<ObjectInfo> PutAsync(string bucket, string key, Stream content, ObjectDetails details, CancellationToken cancel)
    {
        var version = Locks(bucket) ? Guid.CreateVersion7(time.GetUtcNow()).ToString("N") : "";
        var file = FileOf(bucket, key, version);
        var fresh = $"{file}.{Guid.NewGuid():N}";
        try
        {
            var (size, md5) = await CopyAsync(content, fresh, cancel);
            var info = new ObjectInfo(key, size, details.ETag ?? md5, time.GetUtcNow(), details.ContentType, details.Metadata) { Version = version, RetainUntil = details.RetainUntil, Held = details.Held };
            File.Move(fresh, file, overwrite: true);
            await DescribeAsync(file, info, cancel);
            _buckets[bucket][key] = info;
            if (version.Length > 0)
            {
                _versions[bucket][(key, version)] = info;
            }
            return info;
        }
        finally
        {
            File.Delete(fresh);
        }
    }

    /// <summary>Sets retention or hold of a version (empty: the newest). Null when there is no such object.</summary>
    public async Task<ObjectInfo?> ProtectAsync(string bucket, string key, string version, Func<ObjectInfo, ObjectInfo> change, CancellationToken cancel)
    {
        if (Find(bucket, key, version) is not { } info)
        {
            return null;
        }
        var changed = change(info);
        await DescribeAsync(FileOf(bucket, key, info.Version), changed, cancel);
        _versions[bucket][(key, info.Version)] = changed;
        if (Find(bucket, key)?.Version == info.Version)
        {
            _buckets[bucket][key] = changed;
        }
        return changed;
    }

    /// <summary>False when retention or a hold keeps it. Without a version, a bucket with versions only gets a marker.</summary>
    public bool Delete(string bucket, string key, string version = "")
    {
        if (!Locks(bucket))
        {
            if (_buckets[bucket].TryRemove(key, out _))
            {
                Remove(FileOf(bucket, key));
            }
            return true;
        }
        if (version.Length > 0)
        {
            return DeleteVersion(bucket, key, version);
        }
        var marker = new ObjectInfo(key, 0, "", time.GetUtcNow(), "", []) { Version = Guid.CreateVersion7(time.GetUtcNow()).ToString("N"), Deleted = true };
        File.WriteAllText(DescriptionOf(FileOf(bucket, key, marker.Version)), JsonSerializer.Serialize(marker));
        _versions[bucket][(key, marker.Version)] = marker;
        _buckets[bucket].TryRemove(key, out _);
        return true;
    }

    private bool DeleteVersion(string bucket, string key, string version)
    {
        if (Find(bucket, key, version) is not { } info)
        {
            return true;
        }
        if (info.Held || info.RetainUntil > time.GetUtcNow())
        {
            return false;
        }
        _versions[bucket].TryRemove((key, version), out _);
        Remove(FileOf(bucket, key, version));
        var newest = Versions(bucket, key).FirstOrDefault(v => v.Key == key);
        if (newest is null || newest.Deleted)
        {
            _buckets[bucket].TryRemove(key, out _);
        }
        else
        {
            _buckets[bucket][key] = newest;
        }
        return true;
    }

    private static void Remove(string file)
    {
        File.Delete(DescriptionOf(file));
        File.Delete(file);
    }

    private static async Task DescribeAsync(string file, ObjectInfo info, CancellationToken cancel)
    {
        var fresh = $"{file}.{Guid.NewGuid():N}";
        await File.WriteAllTextAsync(fresh, JsonSerializer.Serialize(info), cancel);
        File.Move(fresh, DescriptionOf(file), overwrite: true);
    }

    /// <summary>Where the parts of a multipart upload wait.</summary>
    public string UploadDirectory(string upload) => Path.Combine(root, ".uploads", upload);

    /// <summary>Writes a stream to a file and tells its length and MD5.</summary>
    public async Task<(long Size, string Md5)> CopyAsync(Stream content, string path, CancellationToken cancel)
    {
        using var md5 = IncrementalHash.CreateHash(HashAlgorithmName.MD5);
        await using var file = File.Create(path);
        var buffer = new byte[128 * 1024];
        int read;
        while ((read = await content.ReadAsync(buffer, cancel)) > 0)
        {
            if (Capacity is { } left && (Capacity = left - read) < 0)
            {
                throw new StoreFullException();
            }
            md5.AppendData(buffer, 0, read);
            await file.WriteAsync(buffer.AsMemory(0, read), cancel);
        }
        return (file.Length, Convert.ToHexStringLower(md5.GetHashAndReset()));
    }

    private static string DescriptionOf(string file) => Path.ChangeExtension(file, ".json");

    private static ConcurrentDictionary<string, ConcurrentDictionary<string, ObjectInfo>> Load(string root)
    {
        Directory.CreateDirectory(root);
        return new(Names(root).Where(b => !File.Exists(Path.Combine(root, b, LockMarker))).Select(b => KeyValuePair.Create(b, new ConcurrentDictionary<string, ObjectInfo>(
                Described(root, b).Select(o => KeyValuePair.Create(o.Key, o)))))
            .Concat(Names(root).Where(b => File.Exists(Path.Combine(root, b, LockMarker))).Select(b => KeyValuePair.Create(b, new ConcurrentDictionary<string, ObjectInfo>(
                Described(root, b).GroupBy(o => o.Key).Select(g => g.MaxBy(o => o.LastModified)!).Where(o => !o.Deleted).Select(o => KeyValuePair.Create(o.Key, o)))))));
    }

    private static ConcurrentDictionary<string, ConcurrentDictionary<(string Key, string Version), ObjectInfo>> LoadVersions(string root) =>
        new(Names(root).Where(b => File.Exists(Path.Combine(root, b, LockMarker))).Select(b =>
            KeyValuePair.Create(b, new ConcurrentDictionary<(string, string), ObjectInfo>(Described(root, b).Select(o => KeyValuePair.Create((o.Key, o.Version), o))))));

    private static IEnumerable<string> Names(string root) => Directory.GetDirectories(root).Select(d => Path.GetFileName(d)).Where(n => n != ".uploads");

    private static IEnumerable<ObjectInfo> Described(string root, string bucket) =>
        Directory.GetFiles(Path.Combine(root, bucket), "*.json").Select(f => JsonSerializer.Deserialize<ObjectInfo>(File.ReadAllText(f))!);
}
