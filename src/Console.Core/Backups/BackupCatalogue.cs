using System.Text.Json;
using Npgsql;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Backups;

/// <summary>Reads the schema <c>backups</c>.</summary>
public sealed class BackupCatalogue(ConsoleDatabase database, RestorableMoments moments, TimeProvider clock) : IBackupCatalogue
{
    /// <summary>Of the chain that <c>b</c> builds on, the nearest that is of no use.</summary>
    internal const string FailedBase = """
        (WITH RECURSIVE chain AS (
            SELECT x.id, x.base_id, x.state, 1 AS depth FROM backups.backup x WHERE x.id = b.base_id
            UNION ALL SELECT x.id, x.base_id, x.state, c.depth + 1 FROM chain c JOIN backups.backup x ON x.id = c.base_id)
         SELECT id FROM chain WHERE state IN ('failed','expired') ORDER BY depth LIMIT 1)
        """;

    internal const string Columns = $"""
        b.*, {FailedBase} AS failed_base, (SELECT json_agg(json_build_object('repository', c.repository, 'region', c.region, 'label', c.label, 'state', c.state,
            'storedBytes', c.stored_bytes, 'checkedAt', c.checked_at, 'detail', c.detail) ORDER BY c.repository)::text FROM backups.copy c WHERE c.backup_id = b.id) AS copies
        FROM backups.backup b
        """;

    public async Task<ProvenBackup?> NewestProvenAsync(string cluster, CancellationToken cancel = default)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        var newest = (await connection.Command($"""
            SELECT {Columns} WHERE b.cluster = @cluster AND b.state = 'proven' AND b.proven_at >= @since AND {FailedBase} IS NULL ORDER BY b.ended_at DESC LIMIT 1
            """, ("cluster", cluster), ("since", clock.GetUtcNow() - Backup.ProofAge)).ListAsync(Map, cancel)).SingleOrDefault();
        return newest is null ? null : new ProvenBackup(newest.Id, newest.Cluster, newest.Engine, newest.EndedAt, newest.ProvenAt!.Value, newest.RestoreSeconds ?? 0,
            [.. newest.Copies.Where(c => c.State == CopyState.Verified).Select(c => c.Region).Distinct()]);
    }

    public async Task<Backup?> NewestVerifiedAsync(string cluster, CancellationToken cancel = default)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return (await connection.Command($"SELECT {Columns} WHERE b.cluster = @cluster AND b.state IN ('verified','proven') AND b.type <> 'configuration' AND {FailedBase} IS NULL ORDER BY b.ended_at DESC LIMIT 1", ("cluster", cluster)).ListAsync(Map, cancel)).SingleOrDefault();
    }

    public async Task<IReadOnlyList<Backup>> ListAsync(string? cluster = null, bool expired = false, Guid? before = null, int limit = 500, CancellationToken cancel = default)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return await connection.Command($"""
            SELECT {Columns}
            WHERE (@cluster::text IS NULL OR b.cluster = @cluster) AND (@expired OR b.state <> 'expired')
              AND (@before::uuid IS NULL OR (b.ended_at, b.id) < (SELECT x.ended_at, x.id FROM backups.backup x WHERE x.id = @before))
            ORDER BY b.ended_at DESC, b.id DESC LIMIT @limit
            """, ("cluster", cluster), ("expired", expired), ("before", before), ("limit", limit)).ListAsync(Map, cancel);
    }

    public async Task<Backup?> FindAsync(Guid id, CancellationToken cancel = default)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return await FindAsync(connection, id, cancel);
    }

    public async Task<IReadOnlyList<BackupChange>> LifeAsync(Guid id, CancellationToken cancel = default)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return await connection.Command("SELECT at, by, what, detail FROM backups.change WHERE backup_id = @id ORDER BY id", ("id", id))
            .ListAsync(r => new BackupChange(r.Get<DateTimeOffset>("at"), r.Get<string>("by"), r.Get<string>("what"), r.Get<string>("detail")), cancel);
    }

    public async Task<RestorableRange?> RangeAsync(string cluster, CancellationToken cancel = default) =>
        await moments.RangeAsync(cluster, await ListAsync(cluster, cancel: cancel), cancel);

    /// <summary>The backup that an operation has made; null: none is on record.</summary>
    internal async Task<Backup?> OfOperationAsync(Guid operation, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return (await connection.Command($"SELECT {Columns} WHERE b.operation_id = @operation", ("operation", operation)).ListAsync(Map, cancel)).SingleOrDefault();
    }

    internal static async Task<Backup?> FindAsync(NpgsqlConnection connection, Guid id, CancellationToken cancel) =>
        (await connection.Command($"SELECT {Columns} WHERE b.id = @id", ("id", id)).ListAsync(Map, cancel)).SingleOrDefault();

    internal static Backup Map(NpgsqlDataReader reader)
    {
        var copies = reader.Text("copies") is { } json ? JsonSerializer.Deserialize<BackupCopy[]>(json, OperationJson.Options)! : [];
        return new Backup(
            reader.Get<Guid>("id"), reader.Get<string>("cluster"), reader.Word<BackupType>("type"), reader.Get<string>("engine"), reader.Word<BackupState>("state"),
            reader.Get<Guid>("operation_id"), reader.Value<Guid>("base_id"), reader.Get<DateTimeOffset>("started_at"), reader.Get<DateTimeOffset>("ended_at"),
            reader.Get<long>("size_bytes"), reader.Text("stop_lsn"), reader.Value<int>("timeline"))
        {
            Copies = [.. copies.Select(c => c with { CheckedAt = c.CheckedAt?.ToUniversalTime() })],
            VerifiedAt = reader.Value<DateTimeOffset>("verified_at"),
            ProvenAt = reader.Value<DateTimeOffset>("proven_at"),
            RestoreSeconds = reader.Value<double>("restore_seconds"),
            FailedBaseId = reader.Value<Guid>("failed_base"),
            Failure = reader.Get<string>("failure") is { Length: > 0 } failure ? failure : reader.Value<Guid>("failed_base") is { } needed ? $"Its base failed: it builds on the backup {needed}, which is of no use. Restore from another; the next full backup begins anew." : "",
            Hold = reader.Text("held_by") is { } by ? new BackupHold(by, reader.Text("held_reason") ?? "", reader.Get<DateTimeOffset>("held_at")) : null,
            ExpiredAt = reader.Value<DateTimeOffset>("expired_at"),
        };
    }
}
