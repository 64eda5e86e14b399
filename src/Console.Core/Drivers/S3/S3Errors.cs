using System.Net;
using Amazon.Runtime;
using Amazon.S3;
using OpsConsole.Core.Backups.Stores;

namespace OpsConsole.Core.Drivers.S3;

internal static class S3Errors
{
    /// <summary>Null for what is not the store's doing.</summary>
    public static StoreException? Translate(IBackupStore store, string name, Exception e) => e switch
    {
        AmazonS3Exception refusal => Of(store, name, refusal),
        AmazonClientException { InnerException: HttpRequestException or IOException } or HttpRequestException => new StoreException(store.Id, StoreFailure.Unreachable, $"{store.Location} cannot be reached: {Innermost(e).Message}", e),
        AmazonClientException client => new StoreException(store.Id, StoreFailure.Denied, client.Message, client),
        OperationCanceledException or TimeoutException => new StoreException(store.Id, StoreFailure.Silent, $"{store.Location} did not answer in time.", e),
        HttpIOException or WebException => new StoreException(store.Id, StoreFailure.Unreachable, $"{store.Location} dropped the connection.", e),
        _ => null,
    };

    private static StoreException Of(IBackupStore store, string name, AmazonS3Exception e)
    {
        var (failure, what) = e switch
        {
            { ErrorCode: "NoSuchBucket" } => (StoreFailure.Missing, "the bucket does not exist; make it, or correct the repository's Bucket."),
            { ErrorCode: "RequestTimeTooSkewed" } => (StoreFailure.Skewed, "this host's clock and the store's differ by more than it allows (15 minutes)."),
            { StatusCode: HttpStatusCode.NotFound } => (StoreFailure.Missing, $"there is no {name}."),
            { StatusCode: HttpStatusCode.PreconditionFailed or HttpStatusCode.Conflict } => (StoreFailure.Exists, $"{name} is there already."),
            { StatusCode: HttpStatusCode.Forbidden } when e.Message.Contains("lock", StringComparison.OrdinalIgnoreCase) || e.Message.Contains("WORM", StringComparison.Ordinal) => (StoreFailure.Locked, $"{name} is locked."),
            { StatusCode: HttpStatusCode.Forbidden or HttpStatusCode.Unauthorized } or { ErrorCode: "ExpiredToken" or "InvalidAccessKeyId" } => (StoreFailure.Denied, $"access is refused ({e.ErrorCode})."),
            { StatusCode: HttpStatusCode.InsufficientStorage } or { ErrorCode: "XMinioStorageFull" or "QuotaExceeded" or "XMinioAdminBucketQuotaExceeded" } => (StoreFailure.Full, "it is full."),
            { StatusCode: >= HttpStatusCode.InternalServerError } => (StoreFailure.Unreachable, $"it answers {(int)e.StatusCode} ({e.ErrorCode})."),
            { InnerException: HttpRequestException or IOException } => (StoreFailure.Unreachable, $"{store.Location} cannot be reached: {Innermost(e).Message}"),
            _ => (StoreFailure.Other, $"{e.ErrorCode}: {e.Message}"),
        };
        return new StoreException(store.Id, failure, what, e);
    }

    private static Exception Innermost(Exception e) => e.InnerException is { } inner ? Innermost(inner) : e;
}
