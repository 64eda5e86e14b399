using System.Globalization;
using System.Xml.Linq;

namespace OpsConsole.Sandbox.Storage;

/// <summary>The XML of S3.</summary>
internal static class S3Answers
{
    private static readonly XNamespace Ns = "http://s3.amazonaws.com/doc/2006-03-01/";

    internal static IResult Error(int status, string code, string message) =>
        Xml(new XElement("Error", new XElement("Code", code), new XElement("Message", message)), status);

    internal static IResult NoBucket(string bucket) => Error(404, "NoSuchBucket", $"There is no bucket {bucket}.");

    internal static IResult NoKey(string key) => Error(404, "NoSuchKey", $"There is no object {key}.");

    internal static IResult Buckets(IEnumerable<string> names) => Xml(Element(
        "ListAllMyBucketsResult",
        Element("Buckets", names.Select(n => Element("Bucket", Element("Name", n), Element("CreationDate", "2026-01-01T00:00:00.000Z"))).ToArray<object>())));

    internal static IResult Location() => Xml(Element("LocationConstraint"));

    internal static IResult Versioning(bool enabled) => Xml(Element("VersioningConfiguration", enabled ? [Element("Status", "Enabled")] : Array.Empty<object>()));

    internal static IResult LockConfiguration() => Xml(Element("ObjectLockConfiguration", Element("ObjectLockEnabled", "Enabled")));

    internal static IResult Retention(DateTimeOffset until) => Xml(Element("Retention", Element("Mode", "COMPLIANCE"), Element("RetainUntilDate", Time(until))));

    internal static IResult LegalHold(bool held) => Xml(Element("LegalHold", Element("Status", held ? "ON" : "OFF")));

    internal static IResult ListVersions(string bucket, string prefix, IReadOnlyList<ObjectInfo> versions, Func<ObjectInfo, bool> isLatest) => Xml(Element(
        "ListVersionsResult",
        [
            Element("Name", bucket), Element("Prefix", prefix), Element("MaxKeys", 1000), Element("IsTruncated", false),
            .. versions.Select(o => Element(
                o.Deleted ? "DeleteMarker" : "Version",
                Element("Key", o.Key), Element("VersionId", o.Version), Element("IsLatest", isLatest(o)), Element("LastModified", Time(o.LastModified)), Element("ETag", Quoted(o.ETag)), Element("Size", o.Size))),
        ]));

    internal static IResult List(string bucket, string prefix, string? delimiter, IReadOnlyList<ObjectInfo> objects, IReadOnlyCollection<string> prefixes, string? next) => Xml(Element(
        "ListBucketResult",
        [
            Element("Name", bucket), Element("Prefix", prefix), Element("Delimiter", delimiter ?? ""),
            Element("KeyCount", objects.Count + prefixes.Count), Element("MaxKeys", 1000), Element("IsTruncated", next is not null),
            .. next is null ? Array.Empty<object>() : [Element("NextContinuationToken", next)],
            .. objects.Select(o => Element(
                "Contents",
                Element("Key", o.Key), Element("LastModified", Time(o.LastModified)), Element("ETag", Quoted(o.ETag)), Element("Size", o.Size), Element("StorageClass", "STANDARD"))),
            .. prefixes.Select(p => Element("CommonPrefixes", Element("Prefix", p))),
        ]));

    internal static IResult Deleted(IEnumerable<string> keys) =>
        Xml(Element("DeleteResult", keys.Select(k => Element("Deleted", Element("Key", k))).ToArray<object>()));

    internal static IResult UploadStarted(string bucket, string key, string upload) =>
        Xml(Element("InitiateMultipartUploadResult", Element("Bucket", bucket), Element("Key", key), Element("UploadId", upload)));

    internal static IResult UploadCompleted(string bucket, ObjectInfo info) =>
        Xml(Element("CompleteMultipartUploadResult", Element("Bucket", bucket), Element("Key", info.Key), Element("ETag", Quoted(info.ETag))));

    internal static IResult Copied(ObjectInfo info) =>
        Xml(Element("CopyObjectResult", Element("LastModified", Time(info.LastModified)), Element("ETag", Quoted(info.ETag))));

    internal static string Quoted(string etag) => $"\"{etag}\"";

    private static string Time(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-ddTHH:mm:ss.fffZ", CultureInfo.InvariantCulture);

    private static XElement Element(string name, params object[] content) => new(Ns + name, content);

    private static IResult Xml(XElement root, int status = 200) =>
        Results.Text($"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n{root}", "application/xml", statusCode: status);
}
