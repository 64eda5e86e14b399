using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Backups.Operations;

/// <summary>Takes a backup and enters it into the catalogue.</summary>
public sealed class TakeBackup(BackupParts parts) : BackupStep(parts, StepName)
{
    public const string StepName = "backup.take";

    public override async Task<WorldState> CheckAsync(StepContext context)
    {
        if (await Parts.Catalogue.OfOperationAsync(context.OperationId, context.Cancel) is not { State: not (BackupState.Failed or BackupState.Expired) } backup) return WorldState.NotDone;
        context.Result.Set("backupId", backup.Id);
        return WorldState.Done;
    }

    public override Task ActAsync(StepContext context) => TellingAsync(async () =>
    {
        var (cluster, engine) = (Cluster(context), Engine(context));
        var taken = await engine.TakeAsync(new TakeOrder(cluster, context.Parameter<BackupType>("type"), context.OperationId), Progress(context), context.Cancel);
        var regions = Parts.Fleet.Options.BackupRepositories.ToDictionary(r => r.Id, r => r.Region);
        context.Result.Set("backupId", await Parts.Records.EnterAsync(cluster, engine.Id, context.OperationId, taken, regions, "system", context.Cancel));
        if (taken.Type != context.Parameter<BackupType>("type")) await context.SayAsync("There was no full backup to build on: this one is full.");
        var usual = Parts.Options.PolicyOf(cluster).Baseline;
        if (Baseline.Deviation($"The {taken.Type.Word()} backup", (taken.EndedAt - taken.StartedAt).TotalSeconds, taken.Type == BackupType.Incremental ? usual.IncrementalSeconds : usual.FullSeconds, taken.SizeBytes, usual) is { } slow) Alarm(context, "backupSlow", slow);
        foreach (var missing in taken.Copies.Where(c => c.Failure is not null)) Alarm(context, "backupIncomplete", $"{missing.Repository}: {missing.Failure}");
    });

    /// <summary>Only the record is taken back here, so that a failover that waits for it waits for no host. What is left on hosts and in stores is
    /// removed by <see cref="BackupSweep"/>.</summary>
    public override async Task UndoAsync(StepContext context)
    {
        if (await Parts.Catalogue.OfOperationAsync(context.OperationId, context.Cancel) is { } backup && backup.State.IsUsable())
            await Parts.Records.FailedAsync(backup.Id, "The operation that took it was ended.", "system", context.Cancel);
    }
}

/// <summary>Checks what is stored of the backup against its manifest.</summary>
public sealed class CheckCopies(BackupParts parts) : BackupStep(parts, StepName)
{
    public const string StepName = "backup.check";

    public override Task ActAsync(StepContext context) => TellingAsync(async () =>
    {
        var backup = await BackupAsync(context);
        // A copy that was never made was told of when the backup was taken; it does not keep the others from being proven.
        var copies = context.Plan.Kind == OperationKinds.Backup ? backup.Copies : [.. backup.Copies.Where(c => c.Label.Length > 0)];
        if (context.Plan.Kind != OperationKinds.Backup && await Parts.Engines.Get(backup.Engine).KeyTroubleAsync(context.Cancel) is { } trouble)
        {
            context.Result.Set("keyTrouble", trouble);
            Alarm(context, "backupKey", trouble);
        }
        var verdicts = await Parts.Engines.Get(backup.Engine).VerifyAsync(backup.Cluster, copies, Progress(context), context.Cancel);
        var after = await Parts.Records.CheckedAsync(backup.Id, verdicts, "system", context.Cancel);
        context.Result.Set("backupId", backup.Id);
        context.Result.Set("copies", verdicts.Select(v => new { v.Repository, v.Passed, v.Detail }));
        foreach (var verdict in verdicts) await context.SayAsync($"{verdict.Repository}: {verdict.Detail}");
        var bad = verdicts.Where(v => v.Passed == false).ToList();
        if (bad.Count == 0 && verdicts.All(v => v.Passed is null)) throw new StepFailedException($"No copy could be looked at. {string.Join(" ", verdicts.Select(v => v.Detail))}");
        // A backup that has one good copy was taken all the same; a verification that finds one bad copy has failed.
        if (bad.Count == 0 || (context.Plan.Kind == OperationKinds.Backup && after.State.IsUsable())) return;
        var words = string.Join(" ", bad.Select(v => $"The copy in {v.Repository} did not pass: {v.Detail}"));
        // A verification fails by it, of which people hear; a backup goes on.
        if (context.Plan.Kind == OperationKinds.Backup) Alarm(context, "backupDamaged", words);
        throw new StepFailedException(words) { Final = true };
    });
}

/// <summary>Deletes one backup: first from the catalogue, so that nothing offers it any more, then from the stores.</summary>
public sealed class ExpireBackup(BackupParts parts) : BackupStep(parts, StepName)
{
    public const string StepName = "backup.expire";

    public override async Task<WorldState> CheckAsync(StepContext context)
    {
        var backup = await BackupAsync(context);
        if (backup.State != BackupState.Expired) return WorldState.NotDone;
        return await TellingAsync(() => Parts.Engines.Get(backup.Engine).FindAsync(backup.Cluster, backup.OperationId, context.Cancel)) is null ? WorldState.Done : WorldState.NotDone;
    }

    public override Task ActAsync(StepContext context) => TellingAsync(async () =>
    {
        var backup = await BackupAsync(context);
        try
        {
            if (backup.State != BackupState.Expired) backup = await Parts.Records.ExpiredAsync(backup.Id, context.Parameter<string>("reason"), "system", context.Cancel);
        }
        catch (RequestRefusedException refused)
        {
            throw new StepFailedException($"It is kept: {refused.Message}", refused) { Final = true };
        }
        await Parts.Engines.Get(backup.Engine).ExpireAsync(backup.Cluster, backup.Copies, context.Cancel);
    });
}
