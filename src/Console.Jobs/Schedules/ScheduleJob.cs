using Hangfire;
using OpsConsole.Core.Drills.Schedules;

namespace OpsConsole.Jobs.Schedules;

/// <summary>Once a minute: begins drills and experiments that are due. A minute that was missed needs no repetition: windows are longer.</summary>
public sealed class ScheduleJob(ScheduleRunner schedules)
{
    public const string Id = "drills-and-experiments";

    [AutomaticRetry(Attempts = 0)]
    [DisableConcurrentExecution(timeoutInSeconds: 5)]
    public Task RunAsync(CancellationToken cancel) => schedules.RunDueAsync(cancel);
}
