using System.Globalization;
using System.Net;
using System.Xml.Linq;
using OpsConsole.Sandbox.Layout;
using OpsConsole.Sandbox.Network;
using static OpsConsole.Sandbox.Storage.S3Answers;

namespace OpsConsole.Sandbox.Storage;

/// <summary>An S3-compatible store in each region: path-style addresses, signed requests, objects in one piece or several.</summary>
public sealed class S3Api(ObjectStore store, AwsSignature signature)
{
    public const string AccessKey = "opsconsole";
    public const string BackupBucket = "backups";
    private const int PageSize = 1000;
    private readonly S3Uploads _uploads = new(store);
    private readonly S3Locks _locks = new(store);

    /// <summary>One server for all regions; the port says which region is meant.</summary>
    public static async Task<WebApplication> StartAsync(SandboxPaths paths, PortPlan ports, SecretStore secrets, TimeProvider time, CancellationToken cancel)
    {
        var signature = new AwsSignature(AccessKey, secrets.Get("storage"));
        var certificate = StoreCertificate.Get(paths);
        var regions = new Dictionary<int, S3Api>();
        foreach (var region in Sites.Regions.Select(r => r.Id))
        {
            var store = new ObjectStore(Path.Combine(paths.Site(region), "storage"), time);
            store.CreateBucket(BackupBucket);
            regions[ports.Storage(region)] = regions[ports.SecureStorage(region)] = new S3Api(store, signature);
        }
        var secure = Sites.Regions.Select(r => ports.SecureStorage(r.Id)).ToHashSet();
        var app = QuietWebApplication.Build([], b => b.WebHost.ConfigureKestrel(k =>
        {
            k.Limits.MaxRequestBodySize = null;
            foreach (var port in regions.Keys)
            {
                k.Listen(IPAddress.Loopback, port, l =>
                {
                    if (secure.Contains(port))
                    {
                        l.UseHttps(certificate);
                    }
                });
            }
        }));
        app.Run(async http =>
        {
            var result = http.Request.Path == "/minio/health/live" ? Results.Ok() : await regions[http.Connection.LocalPort].AnswerAsync(http);
            await result.ExecuteAsync(http);
        });
        await app.StartAsync(cancel);
        return app;
    }

    internal async Task<IResult> AnswerAsync(HttpContext http)
    {
        if (signature.Refusal(http.Request) is { } code)
        {
            return Error(403, code, "The request is not signed with a known key.");
        }
        try
        {
            return await SignedAsync(http);
        }
        catch (StoreFullException)
        {
            return Error(507, "InsufficientStorage", "The store is full.");
        }
        catch (BadDigestException bad)
        {
            return Error(400, bad.Code, bad.Message);
        }
    }

    private async Task<IResult> SignedAsync(HttpContext http)
    {

        var path = Uri.UnescapeDataString(AwsSignature.RawPath(http.Request)).TrimStart('/').Split('/', 2);
        var (bucket, key) = (path[0], path.Length > 1 ? path[1] : "");
        if (bucket.Length == 0)
        {
            return Buckets(store.Buckets);
        }
        if (!bucket.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-' or '.') || bucket.StartsWith('.'))
        {
            return Error(400, "InvalidBucketName", "Lower case letters, digits, dashes and dots.");
        }
        if (key.Length == 0 && http.Request.Method == "PUT")
        {
            store.CreateBucket(bucket, http.Request.Headers["x-amz-bucket-object-lock-enabled"] == "true");
            return Results.Ok();
        }
        if (!store.HasBucket(bucket))
        {
            return NoBucket(bucket);
        }
        return key.Length == 0 ? await BucketAsync(http, bucket) : await ObjectAsync(http, bucket, key);
    }

    private async Task<IResult> BucketAsync(HttpContext http, string bucket)
    {
        var query = http.Request.Query;
        switch (http.Request.Method)
        {
            case "HEAD":
                return Results.Ok();
            case "DELETE":
                return store.DeleteBucket(bucket) ? Results.NoContent() : Error(409, "BucketNotEmpty", "The bucket still holds objects.");
            case "POST" when query.ContainsKey("delete"):
                var body = await XDocument.LoadAsync(Body(http.Request), LoadOptions.None, http.RequestAborted);
                var keys = body.Descendants().Where(e => e.Name.LocalName == "Key").Select(e => e.Value).ToList();
                keys.ForEach(k => _ = store.Delete(bucket, k));
                return Deleted(keys);
            case "GET" when query.ContainsKey("location"):
                return Location();
            case "GET" when query.ContainsKey("versioning"):
                return Versioning(store.Locks(bucket));
            case "GET" when query.ContainsKey("object-lock"):
                return store.Locks(bucket) ? LockConfiguration() : Error(404, "ObjectLockConfigurationNotFoundError", "The bucket has no object lock.");
            case "GET" when query.ContainsKey("versions"):
                return ListVersions(bucket, query["prefix"].ToString(), store.Versions(bucket, query["prefix"].ToString()).Take(PageSize).ToList(), o => store.Find(bucket, o.Key)?.Version == o.Version);
            case "GET":
                return ListObjects(query, bucket);
            default:
                return Error(405, "MethodNotAllowed", "Not on a bucket.");
        }
    }

    private IResult ListObjects(IQueryCollection query, string bucket)
    {
        var prefix = query["prefix"].ToString();
        var delimiter = query["delimiter"].ToString();
        var after = new[] { query["continuation-token"].ToString(), query["start-after"].ToString(), query["marker"].ToString() }.FirstOrDefault(s => s.Length > 0) ?? "";
        var most = int.TryParse(query["max-keys"], CultureInfo.InvariantCulture, out var n) ? Math.Clamp(n, 1, PageSize) : PageSize;
        var (objects, prefixes, last) = (new List<ObjectInfo>(), new SortedSet<string>(StringComparer.Ordinal), "");
        foreach (var info in store.List(bucket, prefix).Where(o => string.CompareOrdinal(o.Key, after) > 0))
        {
            var end = delimiter.Length > 0 ? info.Key.IndexOf(delimiter, prefix.Length, StringComparison.Ordinal) : -1;
            var common = end >= 0 ? info.Key[..(end + delimiter.Length)] : null;
            if (common is not null && prefixes.Contains(common))
            {
                last = info.Key;
                continue;
            }
            if (objects.Count + prefixes.Count == most)
            {
                return List(bucket, prefix, delimiter, objects, prefixes, last);
            }
            if (common is null)
            {
                objects.Add(info);
            }
            else
            {
                prefixes.Add(common);
            }
            last = info.Key;
        }
        return List(bucket, prefix, delimiter, objects, prefixes, null);
    }

    private Task<IResult> ObjectAsync(HttpContext http, string bucket, string key)
    {
        var query = http.Request.Query;
        if (query.ContainsKey("retention") || query.ContainsKey("legal-hold"))
        {
            return _locks.AnswerAsync(http, bucket, key);
        }
        return (http.Request.Method, query.ContainsKey("uploadId")) switch
        {
            ("PUT", true) => _uploads.PartAsync(http, CheckedBody.Of(http.Request)),
            ("POST", true) => _uploads.CompleteAsync(http, Body(http.Request), bucket, key),
            ("DELETE", true) => Task.FromResult(_uploads.Abort(query["uploadId"]!)),
            ("POST", false) when query.ContainsKey("uploads") => Task.FromResult(_uploads.Start(http, bucket, key)),
            ("PUT", false) => PutAsync(http, bucket, key),
            ("GET" or "HEAD", false) => Task.FromResult(Get(http, bucket, key)),
            ("DELETE", false) => Task.FromResult(Delete(bucket, key, query["versionId"].ToString())),
            _ => Task.FromResult(Error(405, "MethodNotAllowed", "Not on an object.")),
        };
    }

    private async Task<IResult> PutAsync(HttpContext http, string bucket, string key)
    {
        if (http.Request.Headers.IfNoneMatch == "*" && store.Find(bucket, key) is not null)
        {
            return Error(412, "PreconditionFailed", "The object is there already.");
        }

        var metadata = http.Request.Headers.Where(h => h.Key.StartsWith("x-amz-meta-", StringComparison.OrdinalIgnoreCase))
            .ToDictionary(h => h.Key.ToLowerInvariant(), h => h.Value.ToString());
        if (http.Request.Headers["x-amz-copy-source"].ToString() is { Length: > 0 } source)
        {
            return await CopyAsync(Uri.UnescapeDataString(source).TrimStart('/').Split('/', 2), bucket, key, http.RequestAborted);
        }
        if (S3Locks.Wanted(http.Request) is var (until, held) && (held || until is not null) && !store.Locks(bucket))
        {
            return S3Locks.NoLocks();
        }
        await using var body = CheckedBody.Of(http.Request);
        var info = await store.PutAsync(bucket, key, body, new ObjectDetails(http.Request.ContentType ?? "binary/octet-stream", metadata, null, until, held), http.RequestAborted);
        http.Response.Headers.ETag = Quoted(info.ETag);
        if (info.Version.Length > 0)
        {
            http.Response.Headers["x-amz-version-id"] = info.Version;
        }
        return Results.Ok();
    }

    private async Task<IResult> CopyAsync(string[] source, string bucket, string key, CancellationToken cancel)
    {
        if (source.Length < 2 || !store.HasBucket(source[0]) || store.Find(source[0], source[1]) is not { } info)
        {
            return NoKey(string.Join('/', source));
        }
        await using var content = File.OpenRead(store.FileOf(source[0], source[1], info.Version));
        return Copied(await store.PutAsync(bucket, key, content, new ObjectDetails(info.ContentType, info.Metadata, info.ETag), cancel));
    }

    private IResult Get(HttpContext http, string bucket, string key)
    {
        if (store.Find(bucket, key, http.Request.Query["versionId"].ToString()) is not { Deleted: false } info)
        {
            return NoKey(key);
        }
        S3Locks.Describe(http.Response, info);
        foreach (var (name, value) in info.Metadata)
        {
            http.Response.Headers[name] = value;
        }
        return Results.File(
            store.FileOf(bucket, key, info.Version), info.ContentType, lastModified: info.LastModified,
            entityTag: new Microsoft.Net.Http.Headers.EntityTagHeaderValue(Quoted(info.ETag)), enableRangeProcessing: true);
    }

    private IResult Delete(string bucket, string key, string version) =>
        store.Delete(bucket, key, version) ? Results.NoContent() : Error(403, "AccessDenied", "Access Denied because object protected by object lock.");

    private static Stream Body(HttpRequest request) =>
        request.Headers[AwsSignature.ContentHash].ToString().StartsWith("STREAMING-", StringComparison.Ordinal) ? new AwsChunkedStream(request.Body) : request.Body;
}
