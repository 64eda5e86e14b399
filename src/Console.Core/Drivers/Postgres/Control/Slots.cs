using Npgsql;

namespace OpsConsole.Core.Drivers.Postgres.Control;

public sealed record SlotView(string Name, bool Active, long? RetainedBytes);

/// <summary>Physical slots. Every node has one for every other, so that standbys go on after a promotion.</summary>
public static class Slots
{
    /// <summary>Slots whose names begin so keep the log for backups until it is stored; only the backups move them.</summary>
    public const string BackupPrefix = "opsconsole_";

    public static Task<IReadOnlyList<SlotView>> ReadAsync(NpgsqlConnection node, CancellationToken cancel) => node.ListAsync("""
        SELECT slot_name::text, active, (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END - restart_lsn)::bigint
        FROM pg_replication_slots WHERE slot_type = 'physical' AND NOT temporary
        """, r => new SlotView(r.GetString(0), r.GetBoolean(1), r.IsDBNull(2) ? null : r.GetInt64(2)), cancel);

    public static async Task EnsureAsync(NpgsqlConnection node, IEnumerable<string> names, CancellationToken cancel)
    {
        var there = (await ReadAsync(node, cancel)).Select(s => s.Name).ToHashSet();
        foreach (var name in names.Where(n => !there.Contains(n)))
            await node.ExecuteAsync($"SELECT pg_create_physical_replication_slot({NodeSql.Literal(name)})", cancel);
    }

    /// <summary>Brings slots that nobody uses and that hold log back up to the node's position, so that they do not fill the disk and
    /// are near when they are needed.</summary>
    /// <param name="position">the least that any standby holds: no slot goes beyond</param>
    public static Task AdvanceAsync(NpgsqlConnection node, string position, CancellationToken cancel) => node.ExecuteAsync($"""
        SELECT pg_replication_slot_advance(slot_name, least({NodeSql.Literal(position)}::pg_lsn, CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END))
        FROM pg_replication_slots
        WHERE slot_type = 'physical' AND NOT active AND NOT starts_with(slot_name, '{BackupPrefix}') AND restart_lsn < least({NodeSql.Literal(position)}::pg_lsn, CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END)
        """, cancel);

    public static Task DropAsync(NpgsqlConnection node, string name, CancellationToken cancel) =>
        node.ExecuteAsync($"SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots WHERE slot_name = {NodeSql.Literal(name)} AND NOT active", cancel);
}
