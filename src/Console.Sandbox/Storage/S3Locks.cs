using System.Globalization;
using System.Xml.Linq;
using static OpsConsole.Sandbox.Storage.S3Answers;

namespace OpsConsole.Sandbox.Storage;

/// <summary>Object lock in compliance mode: retention that nobody shortens, and legal holds.</summary>
internal sealed class S3Locks(ObjectStore store)
{
    private const string ModeHeader = "x-amz-object-lock-mode";
    private const string UntilHeader = "x-amz-object-lock-retain-until-date";
    private const string HoldHeader = "x-amz-object-lock-legal-hold";

    internal static IResult NoLocks() => Error(400, "InvalidRequest", "Bucket is missing Object Lock Configuration");

    /// <summary>What a put asks for.</summary>
    internal static (DateTimeOffset? Until, bool Held) Wanted(HttpRequest request) =>
        (request.Headers[UntilHeader].ToString() is { Length: > 0 } until ? Time(until) : null, request.Headers[HoldHeader] == "ON");

    internal static void Describe(HttpResponse response, ObjectInfo info)
    {
        if (info.Version.Length > 0)
        {
            response.Headers["x-amz-version-id"] = info.Version;
        }
        if (info.RetainUntil is { } until)
        {
            response.Headers[ModeHeader] = "COMPLIANCE";
            response.Headers[UntilHeader] = until.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);
        }
        if (info.Held)
        {
            response.Headers[HoldHeader] = "ON";
        }
    }

    internal async Task<IResult> AnswerAsync(HttpContext http, string bucket, string key)
    {
        var version = http.Request.Query["versionId"].ToString();
        if (!store.Locks(bucket))
        {
            return NoLocks();
        }
        if (store.Find(bucket, key, version) is not { Deleted: false } info)
        {
            return NoKey(key);
        }
        var retention = http.Request.Query.ContainsKey("retention");
        if (http.Request.Method == "GET")
        {
            return !retention ? LegalHold(info.Held) : info.RetainUntil is { } kept ? Retention(kept) : Error(404, "NoSuchObjectLockConfiguration", "The object has no retention.");
        }
        await using var body = CheckedBody.Of(http.Request);
        var wish = await XDocument.LoadAsync(body, LoadOptions.None, http.RequestAborted);
        string Said(string name) => wish.Descendants().FirstOrDefault(e => e.Name.LocalName == name)?.Value ?? "";
        if (!retention)
        {
            await store.ProtectAsync(bucket, key, version, o => o with { Held = Said("Status") == "ON" }, http.RequestAborted);
            return Results.Ok();
        }
        var until = Time(Said("RetainUntilDate"));
        if (until < info.RetainUntil)
        {
            return Error(403, "AccessDenied", "Access Denied because object protected by object lock.");
        }
        await store.ProtectAsync(bucket, key, version, o => o with { RetainUntil = until }, http.RequestAborted);
        return Results.Ok();
    }

    private static DateTimeOffset Time(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal);
}
