using Microsoft.Extensions.Logging;

namespace OpsConsole.Core.Operations;

/// <summary>Event ids 5000 to 5099.</summary>
internal static partial class OperationsLog
{
    [LoggerMessage(5000, LogLevel.Debug, "Operation {Operation} step {Step}: {Point}")]
    public static partial void Trace(ILogger log, Guid operation, int? step, string point);

    [LoggerMessage(5001, LogLevel.Information, "Operation {Operation} ({Kind}) runs here with epoch {Epoch}")]
    public static partial void Runs(ILogger log, Guid operation, string kind, long epoch);

    [LoggerMessage(5002, LogLevel.Information, "Operation {Operation} is {State}: {Reason}")]
    public static partial void Ended(ILogger log, Guid operation, string state, string reason);

    [LoggerMessage(5003, LogLevel.Warning, "Operation {Operation} is no longer run here: {Reason}")]
    public static partial void Lost(ILogger log, Guid operation, string reason);

    [LoggerMessage(5004, LogLevel.Warning, "Lease of operation {Operation} could not be renewed, {Remaining} s are left: {Reason}")]
    public static partial void RenewFailed(ILogger log, Guid operation, double remaining, string reason);

    [LoggerMessage(5005, LogLevel.Warning, "Operation {Operation} step {Step} failed (attempt {Attempt}): {Reason}")]
    public static partial void StepFailed(ILogger log, Guid operation, int step, int attempt, string reason);

    [LoggerMessage(5006, LogLevel.Error, "Operation {Operation} step {Step} could not be undone (attempt {Attempt}): {Reason}")]
    public static partial void UndoFailed(ILogger log, Guid operation, int step, int attempt, string reason);

    [LoggerMessage(5007, LogLevel.Error, "Operation {Operation} ended unexpectedly on this node; it is taken over when its lease is over")]
    public static partial void Broke(ILogger log, Guid operation, Exception exception);

    [LoggerMessage(5008, LogLevel.Warning, "Operations could not be looked for: {Reason}")]
    public static partial void PollFailed(ILogger log, string reason);

    [LoggerMessage(5009, LogLevel.Warning, "Operation {Operation} is taken over from {Holder} (epoch {Epoch})")]
    public static partial void TakenOver(ILogger log, Guid operation, string? holder, long epoch);

    [LoggerMessage(5010, LogLevel.Warning, "Changes of operations cannot be listened for: {Reason}")]
    public static partial void ListenFailed(ILogger log, string reason);

    [LoggerMessage(5011, LogLevel.Warning, "The critical section of operation {Operation} goes on without the console's database: {Reason}")]
    public static partial void SectionOffline(ILogger log, Guid operation, string reason);

    [LoggerMessage(5012, LogLevel.Information, "Local journal of operation {Operation} (epoch {Epoch}): {Count} entries taken over")]
    public static partial void Reconciled(ILogger log, Guid operation, long epoch, int count);

    [LoggerMessage(5013, LogLevel.Warning, "Operation {Operation} waits for {Blocker} to be undone")]
    public static partial void Preempts(ILogger log, Guid operation, Guid blocker);

    [LoggerMessage(5014, LogLevel.Warning, "Sessions of an earlier runner on cluster {Cluster} could not be ended: {Reason}")]
    public static partial void EndHoldersFailed(ILogger log, string cluster, string reason);

    [LoggerMessage(5015, LogLevel.Warning, "Operation {Operation} waits for {Blocker} to finish: {Reason}")]
    public static partial void PreemptWaits(ILogger log, Guid operation, Guid blocker, string reason);

    [LoggerMessage(5016, LogLevel.Warning, "Sessions on cluster {Cluster} could not be opened before the critical section: {Reason}")]
    public static partial void OpenFailed(ILogger log, string cluster, string reason);
}
