using Hangfire;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace OpsConsole.Jobs.Schedules;

/// <summary>Puts the recurring job into Hangfire's storage, where it survives restarts; repeated until the storage answers.</summary>
internal sealed partial class ScheduleRegistration(IRecurringJobManager jobs, TimeProvider time, ILogger<ScheduleRegistration> log) : BackgroundService
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await Task.Yield(); // the storage may be slow; nothing waits for it
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                jobs.AddOrUpdate<ScheduleJob>(ScheduleJob.Id, job => job.RunAsync(CancellationToken.None), Cron.Minutely, new RecurringJobOptions { TimeZone = TimeZoneInfo.Utc });
                jobs.AddOrUpdate<BackupJob>(BackupJob.Id, job => job.RunAsync(CancellationToken.None), Cron.Minutely, new RecurringJobOptions { TimeZone = TimeZoneInfo.Utc });
                return;
            }
            catch (Exception failure) when (failure is not OperationCanceledException)
            {
                NotRegistered(log, failure.Message);
                await Task.Delay(Pause, time, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    [LoggerMessage(5410, LogLevel.Warning, "The schedules' job could not be registered: {Reason}")]
    private static partial void NotRegistered(ILogger log, string reason);
}
