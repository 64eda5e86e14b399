using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Backups.Operations;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Objectives;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Backups.Schedules;

/// <summary>Begins what the policies say. Called once a minute; each due run happens once, whichever node looks first. Of runs that were missed only the newest is
/// caught up. A schedule that is new begins with its next time.</summary>
public sealed class BackupScheduler(FleetModel fleet, BackupsOptions options, BackupEngineRegistry engines, BackupCatalogue catalogue, RestorableMoments moments,
    OperationService operations, OperationReader reader, Automation automation, ConsoleDatabase database, IFleetFeed feed, IEnumerable<IAlarmSink> alarms, TimeProvider time, ILogger<BackupScheduler> log)
{
    public async Task RunDueAsync(CancellationToken cancel)
    {
        foreach (var policy in options.Policies.Where(p => p.Scheduled && engines.Of(p.Cluster).Any()))
        {
            var now = time.GetUtcNow();
            await DailyAsync(policy, RunPurpose.Full, BackupCalendar.Latest(policy.FullAt, options.Zone, now), cancel);
            if (engines.Of(policy.Cluster).Any(e => e.Id == policy.SecondEngine)) await DailyAsync(policy, RunPurpose.Second, BackupCalendar.Latest(policy.FullAt, options.Zone, now), cancel);
            if (policy.LogicalAt.Length > 0) await DailyAsync(policy, RunPurpose.Logical, BackupCalendar.Latest(policy.LogicalAt, options.Zone, now), cancel);
            if (policy.ConfigurationAt.Length > 0 && TakesConfiguration(policy.Cluster)) await DailyAsync(policy, RunPurpose.Configuration, BackupCalendar.Latest(policy.ConfigurationAt, options.Zone, now), cancel);
            await DailyAsync(policy, RunPurpose.Verify, BackupCalendar.Latest(policy.VerifyAt, options.Zone, now), cancel);
            await DailyAsync(policy, RunPurpose.Expire, BackupCalendar.Latest(policy.VerifyAt, options.Zone, now), cancel);
            if (TakesIncrementals(policy)) await IncrementalAsync(policy, now, cancel);
        }
    }

    /// <summary>The next week, if the load stays as it is.</summary>
    public async Task<IReadOnlyList<PlannedRun>> AheadAsync(string cluster, TimeSpan span, CancellationToken cancel)
    {
        var (last, facts) = await FactsAsync(cluster, cancel);
        var runs = BackupCalendar.Ahead(options.PolicyOf(cluster), options.Zone, last?.EndedAt, facts, time.GetUtcNow(), span);
        return [.. runs.Where(r => r.Purpose switch { RunPurpose.Incremental => TakesIncrementals(options.PolicyOf(cluster)), RunPurpose.Configuration => TakesConfiguration(cluster), _ => true })];
    }

    private bool TakesConfiguration(string cluster) => engines.Of(cluster).Any(e => e.Capabilities.Configuration);

    private bool TakesIncrementals(BackupPolicyOptions policy) => engines.Find(policy.Engine) is { Capabilities.Incremental: true };

    private async Task DailyAsync(BackupPolicyOptions policy, RunPurpose purpose, DateTimeOffset due, CancellationToken cancel)
    {
        if (!await SeenAsync(policy.Cluster, purpose, due, cancel)) await RunAsync(policy, purpose, due, "by policy", cancel);
        else if (await GaveWayAsync(policy.Cluster, purpose, cancel) is { } ended) await RunAsync(policy, purpose, ended, "by policy, again: it gave way", cancel);
    }

    private async Task IncrementalAsync(BackupPolicyOptions policy, DateTimeOffset now, CancellationToken cancel)
    {
        var (last, facts) = await FactsAsync(policy.Cluster, cancel);
        // Without a full backup there is nothing to build on: the full one's schedule makes it.
        if (last is null) return;
        var (interval, why) = BackupCalendar.Interval(policy, facts);
        if (now - last.EndedAt < interval || await LatestRunAsync(policy.Cluster, RunPurpose.Incremental, cancel) is { } tried && now - tried < TimeSpan.FromHours(Math.Min(policy.Adaptive.ShortestHours, interval.TotalHours))) return;
        await RunAsync(policy, RunPurpose.Incremental, last.EndedAt + interval, why, cancel);
    }

    /// <summary>Takes the run, so that nobody else does; gives it back when something else must end first.</summary>
    private async Task RunAsync(BackupPolicyOptions policy, RunPurpose purpose, DateTimeOffset due, string reason, CancellationToken cancel)
    {
        var cluster = policy.Cluster;
        var scopes = fleet.Clusters[cluster].Nodes.Select(n => $"region:{n.Region}").Append($"cluster:{cluster}");
        if (await automation.HandsOffAsync(scopes, cancel) is not null) return; // due again when people let go
        if (!await TakeAsync(cluster, purpose, due, reason, cancel)) return;
        try
        {
            var ids = new List<Guid>();
            foreach (var (request, suffix) in await RequestsAsync(policy, purpose, cancel))
                if (await SubmitAsync(policy, purpose, due, request with { IdempotencyKey = $"schedule {cluster} {purpose}{suffix} {due:O}", StandingApproval = true, Reason = $"schedule: {reason}" }, cancel) is { } id) ids.Add(id);
            await NoteAsync(cluster, purpose, due, ids.Count == 0 ? null : ids[0], cancel);
            BackupsLog.Scheduled(log, cluster, purpose.ToString(), due, ids.Count == 0 ? "nothing to do" : $"operation {string.Join(", ", ids)}");
        }
        catch (BlockedException blocked)
        {
            await GiveBackAsync(cluster, purpose, due, cancel);
            BackupsLog.Scheduled(log, cluster, purpose.ToString(), due, blocked.Message);
        }
    }

    /// <returns>null: refused, which is told; the run's other requests are made all the same</returns>
    private async Task<Guid?> SubmitAsync(BackupPolicyOptions policy, RunPurpose purpose, DateTimeOffset due, OperationRequest request, CancellationToken cancel)
    {
        try
        {
            return (await operations.SubmitAsync(request, Person.Console, cancel)).OperationId;
        }
        catch (RequestRefusedException refused)
        {
            BackupsLog.Scheduled(log, policy.Cluster, purpose.ToString(), due, refused.Message);
            if (refused.Rule != ExpirePlanner.NothingRule) Alarm(policy.Cluster, purpose, refused.Message);
            return null;
        }
    }

    /// <summary>It is not tried again before its next time.</summary>
    private void Alarm(string cluster, RunPurpose purpose, string why)
    {
        var alarm = new Alarm("backupRefused", $"The scheduled run ({purpose.Word()}) for {cluster} was refused", why, null, Person.Console.Email, time.GetUtcNow()) { OnRecord = false };
        foreach (var sink in alarms) sink.Raise(alarm);
    }

    private async Task<IReadOnlyList<(OperationRequest, string)>> RequestsAsync(BackupPolicyOptions policy, RunPurpose purpose, CancellationToken cancel)
    {
        JsonObject Cluster() => new() { ["cluster"] = policy.Cluster };
        switch (purpose)
        {
            case RunPurpose.Full or RunPurpose.Incremental:
                var request = Cluster();
                // An incremental backup builds on the newest one that is there: on a damaged one it would be worth nothing.
                var made = (await catalogue.ListAsync(policy.Cluster, cancel: cancel)).Where(b => b.Type.IsPhysical() && b.Engine == policy.Engine && b.Copies.Any(c => c.Label.Length > 0)).ToList();
                var chain = made.Take(made.FindIndex(b => b.Type == BackupType.Full) + 1);
                var damaged = chain.Any(b => b.State == BackupState.Failed || b.Copies.Any(c => c.State == CopyState.Failed));
                (request["type"], request["engine"]) = (damaged ? RunPurpose.Full.Word() : purpose.Word(), policy.Engine);
                return [(new OperationRequest(BackupKinds.Backup, request, ""), "")];
            case RunPurpose.Second:
                var second = Cluster();
                (second["type"], second["engine"]) = (RunPurpose.Full.Word(), policy.SecondEngine);
                return [(new OperationRequest(BackupKinds.Backup, second, ""), "")];
            case RunPurpose.Logical or RunPurpose.Configuration:
                var other = Cluster();
                other["type"] = purpose.Word();
                return [(new OperationRequest(BackupKinds.Backup, other, ""), "")];
            case RunPurpose.Expire:
                return [(new OperationRequest(BackupKinds.Expire, Cluster(), ""), "")];
            default:
                // The newest of each engine: a proof of one tool says nothing about another's.
                var newest = (await catalogue.ListAsync(policy.Cluster, cancel: cancel)).Where(b => b.IsUsable).GroupBy(b => (b.Engine, b.Type.IsPhysical())).Select(g => g.First());
                return [.. newest.Select(b => (new OperationRequest(BackupKinds.Verify, new JsonObject { ["backupId"] = b.Id.ToString() }, ""), $" {b.Engine} {b.Type}"))];
        }
    }

    private async Task<(Backup? Last, LoadFacts Facts)> FactsAsync(string cluster, CancellationToken cancel)
    {
        var last = (await catalogue.ListAsync(cluster, cancel: cancel)).FirstOrDefault(b => b.IsUsable && b.Type.IsPhysical());
        var (rate, since) = await moments.LoadAsync(cluster, last?.EndedAt, cancel);
        var restorable = feed.Current.Clusters.GetValueOrDefault(cluster)?.NewestRestorableAt;
        var declared = fleet.Clusters[cluster];
        return (last, new LoadFacts(rate, since, restorable is { } at ? (time.GetUtcNow() - at).TotalSeconds : null, ObjectiveTargets.Rpo(declared.RpoSeconds, declared.Tier).Seconds));
    }

    /// <summary>Whether it has been decided on; a schedule that was never looked at begins after this occurrence.</summary>
    private async Task<bool> SeenAsync(string cluster, RunPurpose purpose, DateTimeOffset due, CancellationToken cancel)
    {
        if (await LatestDueAsync(cluster, purpose, cancel) is { } known) return known >= due;
        await TakeAsync(cluster, purpose, due, "the schedule begins after this", cancel);
        return true;
    }

    /// <summary>When the newest run ended without its end, for the sake of a move; null: it did not.</summary>
    private async Task<DateTimeOffset?> GaveWayAsync(string cluster, RunPurpose purpose, CancellationToken cancel)
    {
        Guid? id;
        await using (var connection = await database.App.OpenConnectionAsync(cancel))
            id = (await connection.Command("SELECT operation_id AS id FROM backups.run WHERE cluster = @cluster AND purpose = @purpose ORDER BY due_at DESC LIMIT 1",
                ("cluster", cluster), ("purpose", purpose.Word())).ListAsync(r => r.Value<Guid>("id"), cancel)).FirstOrDefault();
        return id is { } begun && await reader.FindAsync(begun, cancel) is { } run && run.State != OperationState.Succeeded && run.EndReason?.StartsWith(Wishes.GivesWay, StringComparison.Ordinal) == true ? run.EndedAt : null;
    }

    private async Task<bool> TakeAsync(string cluster, RunPurpose purpose, DateTimeOffset due, string reason, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return await connection.Command("INSERT INTO backups.run (cluster, purpose, due_at, decided_at, reason) VALUES (@cluster, @purpose, @due, @now, @reason) ON CONFLICT DO NOTHING",
            ("cluster", cluster), ("purpose", purpose.Word()), ("due", due), ("now", time.GetUtcNow()), ("reason", reason)).ExecuteAsync(cancel) == 1;
    }

    private Task NoteAsync(string cluster, RunPurpose purpose, DateTimeOffset due, Guid? operation, CancellationToken cancel) =>
        OnAsync("UPDATE backups.run SET operation_id = @operation::uuid WHERE cluster = @cluster AND purpose = @purpose AND due_at = @due", cluster, purpose, due, operation, cancel);

    private Task GiveBackAsync(string cluster, RunPurpose purpose, DateTimeOffset due, CancellationToken cancel) =>
        OnAsync("DELETE FROM backups.run WHERE cluster = @cluster AND purpose = @purpose AND due_at = @due AND @operation::uuid IS NULL", cluster, purpose, due, null, cancel);

    private async Task OnAsync(string sql, string cluster, RunPurpose purpose, DateTimeOffset due, Guid? operation, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await connection.Command(sql, ("cluster", cluster), ("purpose", purpose.Word()), ("due", due), ("operation", operation)).ExecuteAsync(cancel);
    }

    private Task<DateTimeOffset?> LatestDueAsync(string cluster, RunPurpose purpose, CancellationToken cancel) => MomentAsync("max(due_at)", cluster, purpose, cancel);
    private Task<DateTimeOffset?> LatestRunAsync(string cluster, RunPurpose purpose, CancellationToken cancel) => MomentAsync("max(decided_at)", cluster, purpose, cancel);

    private async Task<DateTimeOffset?> MomentAsync(string what, string cluster, RunPurpose purpose, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return (await connection.Command($"SELECT {what} AS at FROM backups.run WHERE cluster = @cluster AND purpose = @purpose", ("cluster", cluster), ("purpose", purpose.Word())).ListAsync(r => r.Value<DateTimeOffset>("at"), cancel)).Single();
    }
}
