using Npgsql;
using OpsConsole.Core.Backups.Streaming;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Drivers.Postgres;

/// <summary>Physical slots by SQL: they can be made and moved on standbys, too, so that the log goes on without a gap after a promotion.</summary>
public sealed class WalSlots : IWalSlots
{
    private const string Keep = """
        SELECT pg_create_physical_replication_slot(@slot, true) WHERE NOT EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = @slot)
        """;
    private const string Move = """
        SELECT pg_replication_slot_advance(@slot, least(@to::pg_lsn, CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END))
        FROM pg_replication_slots WHERE slot_name = @slot AND NOT active AND restart_lsn < @to::pg_lsn
        AND restart_lsn < CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_flush_lsn() END
        """;
    private const string Look = """
        SELECT restart_lsn::text, coalesce(pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_lsn() END, restart_lsn), 0)::bigint
        FROM pg_replication_slots WHERE slot_name = @slot
        """;

    public async Task<WalSlot> KeepAsync(ClusterOptions cluster, string address, string slot, WalPosition? to, CancellationToken cancel)
    {
        try
        {
            await using var source = PostgresConnections.Source(cluster, address, "wal-slot", 5, 10);
            await using var connection = await source.OpenConnectionAsync(cancel);
            await RunAsync(connection, Keep, slot, null, cancel);
            if (to is not null) await RunAsync(connection, Move, slot, to, cancel);
            await using var look = new NpgsqlCommand(Look, connection) { Parameters = { new("slot", slot) } };
            await using var row = await look.ExecuteReaderAsync(cancel);
            if (!await row.ReadAsync(cancel)) throw new WalSourceException(WalFailure.Other, $"{address} made the slot {slot}, and it is not there.");
            return new WalSlot(await row.IsDBNullAsync(0, cancel) ? null : WalPosition.Parse(row.GetString(0)), row.GetInt64(1));
        }
        catch (Exception e) when (WalConnection.IsFailure(e, cancel))
        {
            throw WalConnection.Failure(e, address);
        }
    }

    public async Task DropAsync(ClusterOptions cluster, string address, string slot, CancellationToken cancel)
    {
        try
        {
            await using var source = PostgresConnections.Source(cluster, address, "wal-slot", 5, 10);
            await using var connection = await source.OpenConnectionAsync(cancel);
            await RunAsync(connection, "SELECT pg_drop_replication_slot(@slot) WHERE EXISTS (SELECT FROM pg_replication_slots WHERE slot_name = @slot AND NOT active)", slot, null, cancel);
        }
        catch (Exception e) when (WalConnection.IsFailure(e, cancel))
        {
            throw WalConnection.Failure(e, address);
        }
    }

    private static async Task RunAsync(NpgsqlConnection connection, string sql, string slot, WalPosition? to, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(sql, connection) { Parameters = { new("slot", slot) } };
        if (to is { } position) command.Parameters.Add(new("to", position.ToString()));
        await command.ExecuteNonQueryAsync(cancel);
    }
}
