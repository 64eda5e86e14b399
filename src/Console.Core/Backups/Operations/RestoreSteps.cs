using System.Security.Cryptography;
using Npgsql;
using OpsConsole.Core.Backups.Restoring;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Backups.Operations;

/// <summary>Names of values that steps leave for later ones.</summary>
internal static class RestoreOutputs
{
    public const string Place = "place";
    public const string Seconds = "restoreSeconds";
    public const string Began = "restoreBegan";
}

/// <summary>A target newer than what is stored of the log: the primary closes its segment, and it is waited for.</summary>
public sealed class StoreLog(BackupParts parts, RestoreLog log) : BackupStep(parts, StepName)
{
    public const string StepName = "restore.log";

    public override Task ActAsync(StepContext context) => TellingAsync(async () =>
    {
        var (cluster, engine, target) = (Cluster(context), Engine(context).Id, context.Parameter<DateTimeOffset>("targetTime"));
        if (await log.HasAsync(cluster, engine, target, context.Cancel))
        {
            await context.SayAsync($"{engine} has the log past {target.UtcDateTime:u}.");
            return;
        }
        await context.SayAsync($"{engine} has not stored the log up to that moment yet: the primary closes its segment now.");
        await log.BringAsync(cluster, engine, target, context.SayAsync, context.Cancel);
    });
}

/// <summary>Restores into an instance of its own and waits until it takes writes. Its undo removes the instance, wherever it got to.</summary>
public sealed class OpenInstance(BackupParts parts) : BackupStep(parts, StepName)
{
    public const string StepName = "restore.open";
    private static readonly TimeSpan OpenLimit = TimeSpan.FromMinutes(30);
    // Until somebody listens each look asks the host, too: in a short row that takes from the recovery what it needs.
    private static readonly TimeSpan OpenPause = TimeSpan.FromMilliseconds(100);

    public override async Task<WorldState> CheckAsync(StepContext context)
    {
        if (await Parts.Instances.FindAsync(context.OperationId, context.Cancel) is not { } found) return WorldState.NotDone;
        // Half of one counts for nothing, except for the undo: it is made again from the start.
        return found.Pid is not null && context.Outputs.Has(RestoreOutputs.Seconds) && await AnswersAsync(context, found.Place) ? WorldState.Done : WorldState.Unclear;
    }

    public override Task ActAsync(StepContext context) => TellingAsync(async () =>
    {
        try
        {
            await RestoreAsync(context);
        }
        catch (BackupEngineException e) when (e.Damaged && context.Plan.Kind == BackupKinds.Verify)
        {
            await Parts.Records.FailedAsync((await BackupAsync(context)).Id, $"It could not be restored. {e.Message}", "system", context.Cancel);
            throw;
        }
    });

    private async Task RestoreAsync(StepContext context)
    {
        var seen = await Parts.Instances.AllAsync(context.Cancel);
        foreach (var half in seen.Where(i => i.Operation == context.OperationId)) await Parts.Instances.RemoveAsync(half.Place, context.OperationId, context.Cancel);
        seen = [.. seen.Where(i => i.Operation != context.OperationId)];
        var began = Parts.Time.GetTimestamp();
        context.Outputs.Set(RestoreOutputs.Began, Parts.Time.GetUtcNow());
        var place = await Parts.Instances.TakeAsync(context.OperationId, context.Parameter<string[]>("regions"), seen, context.Cancel);
        await PlacedAsync(context, place);
        place = await FillAsync(context, place);
        var copied = Math.Round(Parts.Time.GetElapsedTime(began).TotalSeconds, 3);
        context.Result.Set("copySeconds", copied);
        await context.ProgressAsync(60, "the server starts and recovers");
        await Parts.Instances.StartAsync(place, context.Cancel);
        await using var look = new Look(Parts, Cluster(context), place);
        await NodeSql.UntilAsync(() => OpensAsync(context, place, look), OpenLimit, Parts.Time, () => "It does not end its recovery.", context.Cancel, OpenPause);
        var seconds = Math.Round(Parts.Time.GetElapsedTime(began).TotalSeconds, 3);
        context.Outputs.Set(RestoreOutputs.Seconds, seconds);
        context.Result.Set(RestoreOutputs.Seconds, seconds);
        Parts.Metrics.Recovered(context.Plan.Kind, seconds);
        await context.SayAsync($"Open after {seconds:0.0} s: {copied:0.0} s to copy, {seconds - copied:0.0} s to start and recover.");
    }

    public override async Task UndoAsync(StepContext context)
    {
        if (await Parts.Instances.FindAsync(context.OperationId, context.Cancel) is { } found) await Parts.Instances.RemoveAsync(found.Place, context.OperationId, context.Cancel);
    }

    public override async Task<bool> IsUndoneAsync(StepContext context)
    {
        // A host out of reach may hold it still: where it was put is asked for by name, so that a failure shows.
        if (context.Outputs.Get<InstancePlace>(RestoreOutputs.Place) is { } place && (await Parts.Instances.ListAsync(place.Region, context.Cancel)).Any(i => i.Operation == context.OperationId)) return false;
        return await Parts.Instances.FindAsync(context.OperationId, context.Cancel) is null;
    }

    private static Task PlacedAsync(StepContext context, InstancePlace place)
    {
        context.Outputs.Set(RestoreOutputs.Place, place);
        return context.ProgressAsync(5, $"{place.Region}, port {place.Port}");
    }

    /// <summary>From the first copy that can be read.</summary>
    /// <returns>where it lies: for a further copy an empty place of the same region is taken, which may be another</returns>
    private async Task<InstancePlace> FillAsync(StepContext context, InstancePlace place)
    {
        var backup = await BackupAsync(context);
        // Retention may have been quicker than the claim on it.
        if (backup.State == BackupState.Expired) throw new BackupEngineException("The backup has been deleted since this was planned. Choose another.") { Final = true };
        var target = await TargetAsync(context, Parts);
        var wanted = context.Parameter<string[]>("copies");
        var copies = wanted.Select(r => backup.Copies.FirstOrDefault(c => c.Repository == r)).OfType<BackupCopy>().ToList();
        for (var i = 0; i < copies.Count; i++)
        {
            try
            {
                await Parts.Engines.Get(backup.Engine).RestoreAsync(new RestoreOrder(backup.Cluster, backup.Type, copies[i], target, place.Region, place.Directory), Progress(context), context.Cancel);
                context.Result.Set("repository", copies[i].Repository);
                return place;
            }
            catch (BackupEngineException e) when (i < copies.Count - 1)
            {
                await context.SayAsync($"{copies[i].Repository}: {e.Message} The next copy is tried.");
                await Parts.Instances.RemoveAsync(place, context.OperationId, context.Cancel);
                place = await Parts.Instances.TakeAsync(context.OperationId, [place.Region], [], context.Cancel);
                await PlacedAsync(context, place);
            }
        }
        throw new BackupEngineException($"The backup has no copy in {string.Join(", ", wanted)} any more.") { Final = true, Damaged = true };
    }

    /// <summary>Along the history of the newest timeline that the engine has log of: others may be stored, too, and that of a promotion a moment ago may not be.</summary>
    internal static async Task<RestoreTarget> TargetAsync(StepContext context, BackupParts parts)
    {
        if (context.Step.Parameters["targetTime"] is not { } at) return new RestoreTarget(RecoveryTarget.Backup);
        var stored = await parts.Moments.StoredAsync(Cluster(context), context.Parameter<string>("engine"), context.Cancel);
        return new RestoreTarget(RecoveryTarget.Time, at.GetValue<DateTimeOffset>(), Timeline: stored?.Timeline ?? parts.Feed.Current.Clusters.GetValueOrDefault(Cluster(context))?.Timeline);
    }

    private async Task<bool> AnswersAsync(StepContext context, InstancePlace place)
    {
        await using var look = new Look(Parts, Cluster(context), place);
        return await look.IsWritableAsync(context.Cancel) == true;
    }

    /// <summary>A server whose recovery cannot reach its target ends: that is no reason to wait on.</summary>
    private async Task<bool> OpensAsync(StepContext context, InstancePlace place, Look look)
    {
        if (await look.IsWritableAsync(context.Cancel) is { } writable) return writable;
        if (await RunsAsync(context, place)) return false;
        var log = await Parts.Instances.LogAsync(place, context.Cancel);
        throw new BackupEngineException($"The restored server in {place.Region} has ended. {ServerLog.Reason(log)}".Trim()) { Final = true, Damaged = ServerLog.BlamesData(log) };
    }

    private async Task<bool> RunsAsync(StepContext context, InstancePlace place)
    {
        try
        {
            return (await Parts.Instances.ListAsync(place.Region, context.Cancel)).Any(i => i.Operation == context.OperationId && i.Pid is not null);
        }
        catch (HostShellException)
        {
            return true; // a host that cannot be asked says nothing of it
        }
    }

    /// <summary>Keeps its connection: a sign-in at each look costs a recovery on a small machine more than a tenth of its time.</summary>
    private sealed class Look(BackupParts parts, string cluster, InstancePlace place) : IAsyncDisposable
    {
        private NpgsqlConnection? _connection;

        /// <returns>null: nobody listens there</returns>
        public async Task<bool?> IsWritableAsync(CancellationToken cancel)
        {
            try
            {
                _connection ??= await parts.Instances.OpenAsync(cluster, place, cancel);
                return !await Promotion.InRecoveryAsync(_connection, cancel);
            }
            catch (PostgresException)
            {
                await DisposeAsync();
                return false; // not open yet
            }
            catch (NpgsqlException)
            {
                await DisposeAsync();
                return null;
            }
        }

        public async ValueTask DisposeAsync()
        {
            if (_connection is { } connection) await connection.DisposeAsync();
            _connection = null;
        }
    }
}

/// <summary>Asks the restored instance what it holds, and proves the backup by it.</summary>
public sealed class InspectInstance(BackupParts parts, InstanceProof proof) : BackupStep(parts, StepName)
{
    public const string StepName = "verify.inspect";

    public override async Task ActAsync(StepContext context)
    {
        var (backup, place) = (await BackupAsync(context), context.Outputs.Get<InstancePlace>(RestoreOutputs.Place)!);
        var findings = await proof.InspectAsync(backup, place, context.ProgressAsync, context.Cancel);
        context.Result.Set("findings", findings);
        foreach (var finding in findings) await context.SayAsync($"{finding.Name}: {finding.Answer}");
        var seconds = context.Outputs.Get<double>(RestoreOutputs.Seconds);
        if (findings.Where(f => !f.Passed).Select(f => $"{f.Name}: {f.Answer}").ToList() is { Count: > 0 } wrong)
        {
            var words = $"It was restored and opened, but its data is not right. {string.Join("; ", wrong)}";
            await Parts.Records.FailedAsync(backup.Id, words, "system", context.Cancel);
            throw new StepFailedException(words) { Final = true };
        }
        await Parts.Records.ProvenAsync(backup.Id, seconds, $"restored from {context.Result.Get<string>("repository")} in {seconds:0.0} s; {findings.Count} checks passed", "system", context.Cancel);
        context.Result.Set("provenAt", Parts.Time.GetUtcNow());
        var usual = Parts.Options.PolicyOf(backup.Cluster).Baseline;
        if (Baseline.Deviation("The restore", seconds, usual.RestoreSeconds, backup.SizeBytes, usual) is { } slow) Alarm(context, "restoreSlow", slow);
    }
}

/// <summary>Validates a restored instance, measures what was reached, and gives out how to connect.</summary>
public sealed class HandOver(BackupParts parts, InstanceProof proof) : BackupStep(parts, StepName)
{
    public const string StepName = "restore.report";
    public const string Role = "restored";

    public override async Task ActAsync(StepContext context)
    {
        var (cluster, place) = (Cluster(context), context.Outputs.Get<InstancePlace>(RestoreOutputs.Place)!);
        await using var connection = await Parts.Instances.OpenAsync(cluster, place, context.Cancel);
        var reached = await proof.NewestHeartbeatAsync(connection, context.Cancel);
        context.Result.Set("region", place.Region);
        var findings = await proof.AskAllAsync(cluster, connection, (percent, text) => context.ProgressAsync(percent, text), context.Cancel);
        if (findings.Count > 0) context.Result.Set("findings", findings);
        foreach (var finding in findings) await context.SayAsync($"{finding.Name}: {finding.Answer}");
        context.Result.Set("newestRowAt", reached);
        context.Result.Set("measuredRtoSeconds", context.Outputs.Get<double>(RestoreOutputs.Seconds));
        if (context.Step.Parameters["targetTime"] is { } target && reached is { } at)
            context.Result.Set("measuredRpoSeconds", Math.Max(0, Math.Round((target.GetValue<DateTimeOffset>() - at).TotalSeconds, 3)));
        // A role of this instance alone, which reads and writes all data and governs nothing.
        var password = RandomNumberGenerator.GetHexString(32, lowercase: true);
        await connection.ExecuteAsync($"""
            DO $$ BEGIN IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{Role}') THEN CREATE ROLE {Role}; END IF; END $$;
            ALTER ROLE {Role} LOGIN PASSWORD '{password}';
            GRANT pg_read_all_data, pg_write_all_data TO {Role};
            """, context.Cancel);
        context.Result.Set("connection", $"postgresql://{Role}:{password}@{place.Address}/{Parts.Fleet.Clusters[cluster].Database}");
        await context.SayAsync($"Ready in {place.Region}{(reached is { } row ? $"; its newest heartbeat is of {row.UtcDateTime:yyyy-MM-dd HH:mm:ss.fff}Z" : "")}.");
    }
}

/// <summary>Removes an instance that an earlier restore has left.</summary>
public sealed class DiscardInstance(BackupParts parts) : BackupStep(parts, StepName)
{
    public const string StepName = "restore.discard";

    public override async Task<WorldState> CheckAsync(StepContext context) =>
        (await Parts.Instances.ListAsync(context.Parameter<string>("region"), context.Cancel)).Any(i => i.Operation == context.Parameter<Guid>("operation")) ? WorldState.NotDone : WorldState.Done;

    public override async Task ActAsync(StepContext context)
    {
        var operation = context.Parameter<Guid>("operation");
        if ((await Parts.Instances.ListAsync(context.Parameter<string>("region"), context.Cancel)).FirstOrDefault(i => i.Operation == operation) is { } found)
            await Parts.Instances.RemoveAsync(found.Place, operation, context.Cancel);
    }
}
