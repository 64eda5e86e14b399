using Microsoft.Extensions.Logging;

namespace OpsConsole.Core.Backups.Streaming;

/// <summary>Event ids 7500 to 7599.</summary>
internal static partial class StreamingLog
{
    [LoggerMessage(7500, LogLevel.Error, "The log of {Cluster} from {Missing} to {From} is lost: only a full backup closes the gap")]
    public static partial void WalGap(this ILogger log, string cluster, string missing, string from);

    [LoggerMessage(7506, LogLevel.Warning, "The log of {Cluster} from {Missing} to {From} is lost, which could not be put on record yet: {Reason}")]
    public static partial void WalGapNotRecorded(this ILogger log, string cluster, string missing, string from, string reason);

    [LoggerMessage(7501, LogLevel.Warning, "The log of {Cluster}: repository {Store} does not answer and is left behind for now: {Reason}")]
    public static partial void WalStoreAway(this ILogger log, string cluster, string store, string reason);

    [LoggerMessage(7502, LogLevel.Warning, "The log of {Cluster} is not streamed: {Reason}")]
    public static partial void WalNotStreaming(this ILogger log, string cluster, string reason);

    [LoggerMessage(7503, LogLevel.Debug, "The slot for the log of {Cluster} in {Region} could not be looked after: {Reason}")]
    public static partial void WalSlotNotKept(this ILogger log, string cluster, string region, string reason);

    [LoggerMessage(7504, LogLevel.Error, "The server in {Region} no longer keeps the log of {Cluster} that was not stored yet")]
    public static partial void WalSlotLost(this ILogger log, string cluster, string region);

    [LoggerMessage(7505, LogLevel.Error, "{Cluster}: {Title}. {Detail}")]
    public static partial void WalAlarm(this ILogger log, string cluster, string title, string detail);
}
