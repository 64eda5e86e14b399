using OpsConsole.Core.Approvals;
using OpsConsole.Core.Backups.Restoring;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Backups.Operations;

/// <summary>What the steps of backups and restores work with.</summary>
public sealed record BackupParts(
    FleetModel Fleet, BackupsOptions Options, BackupEngineRegistry Engines, BackupCatalogue Catalogue, BackupRecords Records, RestorableMoments Moments,
    Instances Instances, IFleetFeed Feed, BackupMetrics Metrics, IEnumerable<IAlarmSink> Alarms, TimeProvider Time);

public abstract class BackupStep(BackupParts parts, string name) : IStep
{
    public string Name { get; } = name;
    protected BackupParts Parts { get; } = parts;

    public virtual Task<WorldState> CheckAsync(StepContext context) => Task.FromResult(WorldState.NotDone);
    public abstract Task ActAsync(StepContext context);
    public virtual Task UndoAsync(StepContext context) => Task.CompletedTask;
    public virtual async Task<bool> IsUndoneAsync(StepContext context) => await CheckAsync(context) == WorldState.NotDone;

    public virtual async Task VerifyAsync(StepContext context)
    {
        if (await CheckAsync(context) != WorldState.Done) throw new StepFailedException("Read back, the effect is not there.");
    }

    protected static string Cluster(StepContext context) => context.Parameter<string>("cluster");
    protected IBackupEngine Engine(StepContext context) => Parts.Engines.Get(context.Parameter<string>("engine"));

    /// <summary>The backup that the step is about: named by the plan, or made by an earlier step.</summary>
    protected async Task<Backup> BackupAsync(StepContext context)
    {
        var id = context.Step.Parameters["backupId"] is { } named ? named.GetValue<Guid>() : context.Result.Get<Guid>("backupId");
        return await Parts.Catalogue.FindAsync(id, context.Cancel) ?? throw new StepFailedException($"Backup {id} is not in the catalogue.") { Final = true };
    }

    protected static BackupProgress Progress(StepContext context) => (percent, text) => percent is { } p ? context.ProgressAsync(p, text) : context.SayAsync(text);

    /// <summary>The engine's failures as the operation's own.</summary>
    protected static async Task<T> TellingAsync<T>(Func<Task<T>> work)
    {
        try
        {
            return await work();
        }
        catch (BackupEngineException e)
        {
            throw new StepFailedException(e.Message, e) { Final = e.Final };
        }
    }

    protected static Task TellingAsync(Func<Task> work) => TellingAsync(async () =>
    {
        await work();
        return true;
    });

    protected void Alarm(StepContext context, string kind, string detail)
    {
        var alarm = new Alarm(kind, context.Plan.Title, detail, context.OperationId, Person.Console.Email, Parts.Time.GetUtcNow()) { OnRecord = false };
        foreach (var sink in Parts.Alarms) sink.Raise(alarm);
    }
}
