using Azure;
using Azure.Identity;
using OpsConsole.Core.Backups.Stores;

namespace OpsConsole.Core.Drivers.Azure;

internal static class AzureErrors
{
    /// <summary>Null for what is not the store's doing.</summary>
    public static StoreException? Translate(IBackupStore store, string name, Exception e) => e switch
    {
        RequestFailedException refusal => Of(store, name, refusal),
        AggregateException { InnerException: RequestFailedException refusal } => Of(store, name, refusal), // the client's after its last try
        AuthenticationFailedException identity => new StoreException(store.Id, StoreFailure.Denied, identity.Message, identity),
        OperationCanceledException or TimeoutException => new StoreException(store.Id, StoreFailure.Silent, $"{store.Location} did not answer in time.", e),
        HttpRequestException or HttpIOException or AggregateException => new StoreException(store.Id, StoreFailure.Unreachable, $"{store.Location} cannot be reached: {e.GetBaseException().Message}", e),
        _ => null,
    };

    private static StoreException Of(IBackupStore store, string name, RequestFailedException e)
    {
        var (failure, what) = (e.Status, e.ErrorCode) switch
        {
            (404, "ContainerNotFound") => (StoreFailure.Missing, "the container does not exist; make it, or correct the repository's Bucket."),
            (404, _) => (StoreFailure.Missing, $"there is no {name}."),
            (409, "BlobImmutableDueToPolicy" or "BlobImmutableDueToLegalHold") => (StoreFailure.Locked, $"{name} is locked."),
            (412 or 409, _) => (StoreFailure.Exists, $"{name} is there already."),
            (403, _) when e.Message.Contains("date header too old", StringComparison.OrdinalIgnoreCase) => (StoreFailure.Skewed, "this host's clock and the store's differ by more than it allows (15 minutes)."),
            (401 or 403, _) => (StoreFailure.Denied, $"access is refused ({e.ErrorCode})."),
            (413 or 507, _) => (StoreFailure.Full, "it is full."),
            (0 or >= 500, _) => (StoreFailure.Unreachable, $"{store.Location} does not serve: {e.Message.Split('\n')[0]}"),
            _ => (StoreFailure.Other, $"{e.ErrorCode}: {e.Message.Split('\n')[0]}"),
        };
        return new StoreException(store.Id, failure, what, e);
    }
}
