using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json;
using System.Xml.Linq;
using static OpsConsole.Sandbox.Storage.S3Answers;

namespace OpsConsole.Sandbox.Storage;

/// <summary>Uploads in several parts: each part a file until the upload is completed or aborted.</summary>
internal sealed class S3Uploads(ObjectStore store)
{
    private const string Wishes = "wishes.json";

    internal IResult Start(HttpContext http, string bucket, string key)
    {
        var (until, held) = S3Locks.Wanted(http.Request);
        if ((held || until is not null) && !store.Locks(bucket))
        {
            return S3Locks.NoLocks();
        }
        var upload = Guid.NewGuid().ToString("N");
        Directory.CreateDirectory(store.UploadDirectory(upload));
        File.WriteAllText(Path.Combine(store.UploadDirectory(upload), Wishes), JsonSerializer.Serialize(new ObjectDetails("binary/octet-stream", [], null, until, held)));
        return UploadStarted(bucket, key, upload);
    }

    internal async Task<IResult> PartAsync(HttpContext http, Stream body)
    {
        var query = http.Request.Query;
        if (Existing(query["uploadId"]) is not { } directory || PartNumber(query["partNumber"]) is 0)
        {
            return NoUpload();
        }
        var part = PartFile(directory, PartNumber(query["partNumber"]));
        var (_, md5) = await store.CopyAsync(body, part, http.RequestAborted);
        await File.WriteAllTextAsync(DigestOf(part), md5, http.RequestAborted);
        http.Response.Headers.ETag = Quoted(md5);
        return Results.Ok();
    }

    internal async Task<IResult> CompleteAsync(HttpContext http, Stream body, string bucket, string key)
    {
        if (Existing(http.Request.Query["uploadId"]) is not { } directory)
        {
            return NoUpload();
        }

        if (http.Request.Headers.IfNoneMatch == "*" && store.Find(bucket, key) is not null)
        {
            return Error(412, "PreconditionFailed", "The object is there already.");
        }
        var listed = await XDocument.LoadAsync(body, LoadOptions.None, http.RequestAborted);
        var parts = listed.Descendants().Where(e => e.Name.LocalName == "PartNumber").Select(e => PartFile(directory, PartNumber(e.Value))).ToList();
        if (parts.Count == 0 || !parts.TrueForAll(p => File.Exists(DigestOf(p))))
        {
            return Error(400, "InvalidPart", "A listed part was not uploaded.");
        }

        var joined = Path.Combine(directory, "joined");
        using var digests = IncrementalHash.CreateHash(HashAlgorithmName.MD5);
        await using (var whole = File.Create(joined))
        {
            foreach (var part in parts)
            {
                await using var content = File.OpenRead(part);
                digests.AppendData(Convert.FromHexString(await File.ReadAllTextAsync(DigestOf(part), http.RequestAborted)));
                await content.CopyToAsync(whole, http.RequestAborted);
            }
        }
        var etag = $"{Convert.ToHexStringLower(digests.GetHashAndReset())}-{parts.Count}";
        await using var complete = File.OpenRead(joined);
        var wishes = JsonSerializer.Deserialize<ObjectDetails>(await File.ReadAllTextAsync(Path.Combine(directory, Wishes), http.RequestAborted))!;
        var info = await store.PutAsync(bucket, key, complete, wishes with { ETag = etag }, http.RequestAborted);
        Directory.Delete(directory, recursive: true);
        return UploadCompleted(bucket, info);
    }

    internal IResult Abort(string upload)
    {
        if (Existing(upload) is not { } directory)
        {
            return NoUpload();
        }
        Directory.Delete(directory, recursive: true);
        return Results.NoContent();
    }

    // An id of ours is 32 hexadecimal digits, so it cannot name another directory.
    private string? Existing(string? upload) =>
        Guid.TryParseExact(upload, "N", out _) && Directory.Exists(store.UploadDirectory(upload!)) ? store.UploadDirectory(upload!) : null;

    // 0, which no part has, for what is not a number: nothing that a client sends becomes part of a path.
    private static int PartNumber(string? text) => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : 0;

    private static string PartFile(string directory, int number) => Path.Combine(directory, number.ToString(CultureInfo.InvariantCulture));

    private static string DigestOf(string part) => part + ".md5";

    private static IResult NoUpload() => Error(404, "NoSuchUpload", "There is no such upload.");
}
