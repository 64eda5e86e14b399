using Microsoft.Extensions.Logging;

namespace OpsConsole.Core.Backups;

/// <summary>Event ids 7000 to 7099.</summary>
internal static partial class BackupsLog
{
    [LoggerMessage(7000, LogLevel.Warning, "Up to where {Cluster} can be restored is not known now: {Reason}")]
    public static partial void NotWatched(ILogger log, string cluster, string reason);

    [LoggerMessage(7001, LogLevel.Information, "{Cluster} is on timeline {Timeline}: {Region} brings away what the old primary may have left")]
    public static partial void TimelineChanged(ILogger log, string cluster, int timeline, string region);

    [LoggerMessage(7002, LogLevel.Information, "What operation {Operation} has left is removed: {What}")]
    public static partial void Swept(ILogger log, Guid operation, string what);

    [LoggerMessage(7003, LogLevel.Warning, "What an operation has left cannot be removed now ({What}): {Reason}")]
    public static partial void SweepFailed(ILogger log, string what, string reason);

    [LoggerMessage(7004, LogLevel.Information, "Schedule: {Purpose} of {Cluster}, due {Due:u}: {Outcome}")]
    public static partial void Scheduled(ILogger log, string cluster, string purpose, DateTimeOffset due, string outcome);
}
