using Npgsql;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Audit;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Backups;

/// <summary>The one place that changes the catalogue: lock, look, check, change, a line in the backup's life and an audit entry, all or nothing.</summary>
public sealed class BackupRecords(ConsoleDatabase database, IAuditLog audit, TimeProvider clock)
{
    /// <summary>Enters what an operation has made. The same operation again gives the same backup.</summary>
    /// <param name="regions">region of each repository</param>
    public async Task<Guid> EnterAsync(string cluster, string engine, Guid operation, TakenBackup taken, IReadOnlyDictionary<string, string> regions, string by, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var id = Guid.CreateVersion7(clock.GetUtcNow());
        var whole = taken.Copies.All(c => c.Failure is null);
        var entered = await connection.Command("""
            INSERT INTO backups.backup (id, cluster, type, engine, state, operation_id, base_id, started_at, ended_at, size_bytes, stop_lsn, timeline)
            VALUES (@id, @cluster, @type, @engine, @state, @operation, @base::uuid, @started, @ended, @size, @lsn::text, @timeline::int) ON CONFLICT (operation_id) DO NOTHING
            """, ("id", id), ("cluster", cluster), ("type", taken.Type.Word()), ("engine", engine), ("state", (whole ? BackupState.Copied : BackupState.Taken).Word()), ("operation", operation),
            ("base", await BaseAsync(connection, cluster, engine, taken, cancel)), ("started", taken.StartedAt), ("ended", taken.EndedAt), ("size", taken.SizeBytes), ("lsn", taken.StopLsn), ("timeline", taken.Timeline)).ExecuteAsync(cancel);
        if (entered == 0)
            return await connection.Command("SELECT id FROM backups.backup WHERE operation_id = @operation", ("operation", operation)).ScalarAsync<Guid>(cancel);
        foreach (var copy in taken.Copies)
        {
            await connection.Command("""
                INSERT INTO backups.copy (backup_id, repository, region, label, state, stored_bytes, detail) VALUES (@id, @repository, @region, @label, @state, @bytes, @detail)
                """, ("id", id), ("repository", copy.Repository), ("region", regions[copy.Repository]), ("label", copy.Label),
                ("state", (copy.Failure is null ? CopyState.Stored : CopyState.Failed).Word()), ("bytes", copy.StoredBytes), ("detail", copy.Failure ?? "")).ExecuteAsync(cancel);
        }
        await NoteAsync(connection, id, by, "taken", $"{taken.Type.Word()} by {engine}: {string.Join("; ", taken.Copies.Select(c => c.Failure is null ? c.Repository : $"{c.Repository} failed: {c.Failure}"))}", cancel);
        await audit.AppendAsync(new AuditDraft(by, "backup.taken", $"backup:{id}", After: new { cluster, engine, type = taken.Type.Word(), operation, copies = taken.Copies.Select(c => c.Repository) }), cancel);
        await transaction.CommitAsync(cancel);
        return id;
    }

    /// <summary>Puts the verdict on each copy on record. Verified when every copy that was made passed; failed when every one that was made is bad; with some bad ones it is merely taken, and
    /// what is wrong with which copy is shown.</summary>
    public Task<Backup> CheckedAsync(Guid id, IReadOnlyList<CopyVerdict> verdicts, string by, CancellationToken cancel) => ChangeAsync(id, by, "verified", async (connection, backup) =>
    {
        var now = clock.GetUtcNow();
        foreach (var verdict in verdicts.Where(v => v.Passed is not null))
        {
            await connection.Command("UPDATE backups.copy SET state = @state, checked_at = @now, detail = @detail WHERE backup_id = @id AND repository = @repository AND state <> 'expired'",
                ("id", id), ("repository", verdict.Repository), ("state", (verdict.Passed == true ? CopyState.Verified : CopyState.Failed).Word()), ("now", now), ("detail", verdict.Detail)).ExecuteAsync(cancel);
        }
        var (good, bad) = (verdicts.Count(v => v.Passed == true), verdicts.Count(v => v.Passed == false));
        var words = string.Join("; ", verdicts.Select(v => $"{v.Repository}: {v.Detail}"));
        var made = backup.Copies.Where(c => c.Label.Length > 0).Select(c => c.Repository).ToHashSet();
        if (bad > 0 && verdicts.Count(v => v.Passed == false && made.Contains(v.Repository)) == made.Count) await SetAsync(connection, backup, BackupState.Failed, words, cancel);
        else if (bad > 0) await SetAsync(connection, backup, backup.State == BackupState.Failed ? BackupState.Failed : BackupState.Taken, words, cancel);
        else if (good == made.Count && backup.State != BackupState.Proven) await SetAsync(connection, backup, BackupState.Verified, "", cancel);
        await connection.Command("UPDATE backups.backup SET verified_at = @now WHERE id = @id AND @good", ("id", id), ("now", now), ("good", good > 0)).ExecuteAsync(cancel);
        return words;
    }, cancel);

    /// <summary>It was restored and found right.</summary>
    public Task<Backup> ProvenAsync(Guid id, double restoreSeconds, string detail, string by, CancellationToken cancel) => ChangeAsync(id, by, "proven", async (connection, backup) =>
    {
        await SetAsync(connection, backup, BackupState.Proven, "", cancel);
        await connection.Command("UPDATE backups.backup SET proven_at = @now, restore_seconds = @seconds WHERE id = @id", ("id", id), ("now", clock.GetUtcNow()), ("seconds", restoreSeconds)).ExecuteAsync(cancel);
        return detail;
    }, cancel);

    /// <summary>It could not be restored, or its data was wrong.</summary>
    public Task<Backup> FailedAsync(Guid id, string why, string by, CancellationToken cancel) => ChangeAsync(id, by, "failed", async (connection, backup) =>
    {
        await SetAsync(connection, backup, BackupState.Failed, why, cancel);
        return why;
    }, cancel);

    /// <summary>Marks it as gone, before anything is deleted: from here nothing offers it. Held ones, those that others need, and those that are being restored or proven, are refused.</summary>
    /// <exception cref="RequestRefusedException">held, inUse, needed or lastProven</exception>
    public Task<Backup> ExpiredAsync(Guid id, string reason, string by, CancellationToken cancel) => ChangeAsync(id, by, "expired", async (connection, backup) =>
    {
        if (backup.Hold is { } hold) throw new RequestRefusedException("held", $"It is held by {hold.By}: {hold.Reason}");
        // Nobody proves or holds another one of this cluster meanwhile.
        await connection.Command("SELECT 1 FROM backups.backup WHERE cluster = @cluster FOR UPDATE", ("cluster", backup.Cluster)).ExecuteAsync(cancel);
        // Who comes to use it after this look finds it expired.
        if (await Claims.HolderAsync(connection, $"backup:{id}", cancel) is { } user) throw new RequestRefusedException("inUse", $"It is being read by the {user.Kind} {user.Id}; the next run looks again.");
        if (await connection.Command("SELECT count(*) FROM backups.backup WHERE base_id = @id AND state NOT IN ('expired')", ("id", id)).ScalarAsync<long>(cancel) is > 0 and var needing)
            throw new RequestRefusedException("needed", $"{needing} later backups need it.");
        if (backup.ProvenAt is not null && await connection.Command($"SELECT count(*) FROM backups.backup b WHERE b.cluster = @cluster AND b.id <> @id AND b.state = 'proven' AND {BackupCatalogue.FailedBase} IS NULL", ("cluster", backup.Cluster), ("id", id)).ScalarAsync<long>(cancel) == 0)
            throw new RequestRefusedException("lastProven", "It is the last proven backup of its cluster.");
        await SetAsync(connection, backup, BackupState.Expired, "", cancel);
        await connection.Command("UPDATE backups.backup SET expired_at = @now WHERE id = @id", ("id", id), ("now", clock.GetUtcNow())).ExecuteAsync(cancel);
        await connection.Command("UPDATE backups.copy SET state = 'expired' WHERE backup_id = @id", ("id", id)).ExecuteAsync(cancel);
        return reason;
    }, cancel);

    /// <summary>Keeps it from being deleted, or lets it go again.</summary>
    public Task<Backup> HoldAsync(Guid id, bool hold, string reason, Person person, CancellationToken cancel)
    {
        if (!person.May(Policies.Operate)) throw new NotAllowedException(Policies.Operate);
        return ChangeAsync(id, person.Email, hold ? "held" : "released", async (connection, backup) =>
        {
            if (hold && backup.State == BackupState.Expired) throw new RequestRefusedException("state", "It has expired: there is nothing left to hold.");
            await connection.Command("UPDATE backups.backup SET held_by = @by::text, held_reason = @reason::text, held_at = @at::timestamptz WHERE id = @id",
                ("id", id), ("by", hold ? person.Email : null), ("reason", hold ? reason : null), ("at", hold ? clock.GetUtcNow() : null)).ExecuteAsync(cancel);
            return reason;
        }, cancel);
    }

    private async Task<Backup> ChangeAsync(Guid id, string by, string what, Func<NpgsqlConnection, Backup, Task<string>> apply, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await connection.Command("SELECT 1 FROM backups.backup WHERE id = @id FOR UPDATE", ("id", id)).ExecuteAsync(cancel);
        var before = await BackupCatalogue.FindAsync(connection, id, cancel) ?? throw new KeyNotFoundException($"There is no backup {id}.");
        var detail = await apply(connection, before);
        var after = (await BackupCatalogue.FindAsync(connection, id, cancel))!;
        await NoteAsync(connection, id, by, what, detail, cancel);
        await audit.AppendAsync(new AuditDraft(by, $"backup.{what}", $"backup:{id}", detail, Before: new { state = before.Shown.Word() }, After: new { state = after.Shown.Word() }), cancel);
        await transaction.CommitAsync(cancel);
        return after;
    }

    private static async Task SetAsync(NpgsqlConnection connection, Backup backup, BackupState to, string failure, CancellationToken cancel)
    {
        if (!backup.State.MayBecome(to)) throw new RequestRefusedException("state", $"A backup that is {backup.State.Word()} does not become {to.Word()}.");
        await connection.Command("UPDATE backups.backup SET state = @state, failure = @failure WHERE id = @id", ("id", backup.Id), ("state", to.Word()), ("failure", failure)).ExecuteAsync(cancel);
    }

    private Task<int> NoteAsync(NpgsqlConnection connection, Guid id, string by, string what, string detail, CancellationToken cancel) =>
        connection.Command("INSERT INTO backups.change (backup_id, at, by, what, detail) VALUES (@id, @at, @by, @what, @detail)",
            ("id", id), ("at", clock.GetUtcNow()), ("by", by), ("what", what), ("detail", detail)).ExecuteAsync(cancel);

    // The newest one with that label; without it on record, whatever usable one is newest: needing too much is safe, needing too little is not.
    private static async Task<Guid?> BaseAsync(NpgsqlConnection connection, string cluster, string engine, TakenBackup taken, CancellationToken cancel)
    {
        if (taken.Base is null) return null;
        var found = await connection.Command("""
            SELECT b.id FROM backups.backup b WHERE b.cluster = @cluster AND b.engine = @engine AND b.type <> 'logical' AND b.ended_at <= @ended
            ORDER BY EXISTS (SELECT 1 FROM backups.copy c WHERE c.backup_id = b.id AND c.label = @label) DESC, b.state NOT IN ('failed','expired') DESC, b.ended_at DESC LIMIT 1
            """, ("cluster", cluster), ("engine", engine), ("label", taken.Base), ("ended", taken.EndedAt)).ScalarAsync<Guid>(cancel);
        return found == Guid.Empty ? null : found;
    }
}
