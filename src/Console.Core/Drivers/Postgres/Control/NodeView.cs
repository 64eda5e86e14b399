using Npgsql;
using NpgsqlTypes;

namespace OpsConsole.Core.Drivers.Postgres.Control;

/// <summary>What one node says about itself, in one round trip.</summary>
/// <param name="Position">primary: flushed; standby: all that it holds, received or replayed</param>
/// <param name="ReceiverStatus">of its WAL receiver; null when there is none</param>
/// <param name="ReceiverSilence">time since the sender's last message, by the node's own clock</param>
/// <param name="Upstream"><c>host:port</c> that its WAL receiver is connected to</param>
/// <param name="Clock">the node's clock</param>
public sealed record NodeView(
    bool Standby, NpgsqlLogSequenceNumber Position, int Timeline, string? ReceiverStatus, TimeSpan? ReceiverSilence, string? Upstream,
    string PrimaryConninfo, string SynchronousStandbyNames, DateTimeOffset Clock)
{
    public bool Streams => ReceiverStatus == "streaming";

    /// <summary>Streaming from that address.</summary>
    public bool StreamsFrom(string address) => Streams && Upstream == address;

    private const string Look = """
        SELECT pg_is_in_recovery() AS standby,
            CASE WHEN pg_is_in_recovery() THEN greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn(), '0/0'::pg_lsn) ELSE pg_current_wal_flush_lsn() END AS position,
            CASE WHEN pg_is_in_recovery() THEN coalesce(r.received_tli, c.timeline_id) ELSE ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int END AS timeline,
            r.status AS receiver, clock_timestamp() - r.last_msg_receipt_time AS silence, r.sender_host || ':' || r.sender_port AS upstream,
            current_setting('primary_conninfo') AS conninfo, current_setting('synchronous_standby_names') AS names, clock_timestamp() AS clock
        FROM pg_control_checkpoint() c LEFT JOIN pg_stat_wal_receiver r ON true
        """;

    public static async Task<NodeView> ReadAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        // A promotion between two of its functions makes the statement fail: then the next look tells.
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                return (await connection.ListAsync(Look, Read, cancel))[0];
            }
            catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.ObjectNotInPrerequisiteState && attempt < 3)
            {
                await Task.Yield();
            }
        }
    }

    private static NodeView Read(NpgsqlDataReader reader)
    {
        string? Text(int column) => reader.IsDBNull(column) ? null : reader.GetString(column);
        return new NodeView(
            reader.GetBoolean(0), reader.GetFieldValue<NpgsqlLogSequenceNumber>(1), reader.GetInt32(2), Text(3),
            reader.IsDBNull(4) ? null : reader.GetTimeSpan(4), Text(5), reader.GetString(6), reader.GetString(7), reader.GetFieldValue<DateTimeOffset>(8));
    }
}
