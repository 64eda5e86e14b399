using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace OpsConsole.Sandbox.Storage;

/// <summary>What is known of an object besides its bytes.</summary>
public sealed record ObjectInfo(string Key, long Size, string ETag, DateTimeOffset LastModified, string ContentType, Dictionary<string, string> Metadata);

/// <summary>One region's buckets as files: per bucket a directory, per object a file with its bytes and one with its description,
/// both named by the hash of the key, since keys may hold anything. A description is written last and by rename, so that an
/// object is there as a whole or not at all.</summary>
public sealed class ObjectStore(string root, TimeProvider time)
{
    private readonly ConcurrentDictionary<string, ConcurrentDictionary<string, ObjectInfo>> _buckets = Load(root);

    public IEnumerable<string> Buckets => _buckets.Keys.Order(StringComparer.Ordinal);

    public bool HasBucket(string bucket) => _buckets.ContainsKey(bucket);

    /// <summary>False when it is there already.</summary>
    public bool CreateBucket(string bucket)
    {
        Directory.CreateDirectory(Path.Combine(root, bucket));
        return _buckets.TryAdd(bucket, []);
    }

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

    public string FileOf(string bucket, string key) => Path.Combine(root, bucket, Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(key))) + ".data");

    /// <param name="etag">Null: the MD5 of the content, as S3 does for objects put in one piece.</param>
    public async Task<ObjectInfo> PutAsync(
        string bucket, string key, Stream content, string contentType, Dictionary<string, string> metadata, string? etag, CancellationToken cancel)
    {
        var file = FileOf(bucket, key);
        var fresh = $"{file}.{Guid.NewGuid():N}";
        var (size, md5) = await CopyAsync(content, fresh, cancel);
        var info = new ObjectInfo(key, size, etag ?? md5, time.GetUtcNow(), contentType, metadata);
        File.Move(fresh, file, overwrite: true);
        await File.WriteAllTextAsync(fresh, JsonSerializer.Serialize(info), cancel);
        File.Move(fresh, DescriptionOf(file), overwrite: true);
        _buckets[bucket][key] = info;
        return info;
    }

    public void Delete(string bucket, string key)
    {
        if (_buckets[bucket].TryRemove(key, out _))
        {
            File.Delete(DescriptionOf(FileOf(bucket, key)));
            File.Delete(FileOf(bucket, key));
        }
    }

    /// <summary>Where the parts of a multipart upload wait.</summary>
    public string UploadDirectory(string upload) => Path.Combine(root, ".uploads", upload);

    /// <summary>Writes a stream to a file and tells its length and MD5.</summary>
    public static async Task<(long Size, string Md5)> CopyAsync(Stream content, string path, CancellationToken cancel)
    {
        using var md5 = IncrementalHash.CreateHash(HashAlgorithmName.MD5);
        await using var file = File.Create(path);
        var buffer = new byte[128 * 1024];
        int read;
        while ((read = await content.ReadAsync(buffer, cancel)) > 0)
        {
            md5.AppendData(buffer, 0, read);
            await file.WriteAsync(buffer.AsMemory(0, read), cancel);
        }
        return (file.Length, Convert.ToHexStringLower(md5.GetHashAndReset()));
    }

    private static string DescriptionOf(string file) => Path.ChangeExtension(file, ".json");

    private static ConcurrentDictionary<string, ConcurrentDictionary<string, ObjectInfo>> Load(string root)
    {
        Directory.CreateDirectory(root);
        var buckets = Directory.GetDirectories(root).Where(d => Path.GetFileName(d) != ".uploads").Select(d =>
        {
            var objects = Directory.GetFiles(d, "*.json").Select(f => JsonSerializer.Deserialize<ObjectInfo>(File.ReadAllText(f))!);
            return KeyValuePair.Create(Path.GetFileName(d), new ConcurrentDictionary<string, ObjectInfo>(objects.Select(o => KeyValuePair.Create(o.Key, o))));
        });
        return new(buckets);
    }
}
