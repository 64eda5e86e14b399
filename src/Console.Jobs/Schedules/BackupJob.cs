using Hangfire;
using OpsConsole.Core.Backups.Schedules;

namespace OpsConsole.Jobs.Schedules;

/// <summary>Once a minute: begins the backups, proofs and deletions that are due. What was missed is caught up once by the scheduler, not by repeating the job.</summary>
public sealed class BackupJob(BackupScheduler scheduler)
{
    public const string Id = "backups";

    [AutomaticRetry(Attempts = 0)]
    [DisableConcurrentExecution(timeoutInSeconds: 5)]
    public Task RunAsync(CancellationToken cancel) => scheduler.RunDueAsync(cancel);
}
