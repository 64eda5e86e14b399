namespace OpsConsole.Core.Drivers.Postgres;

internal static class PostgresSql
{
    public const string HeartbeatTable = "opsconsole.heartbeat";

    // The timeline of a primary is in the name of the WAL file being written: the control file still shows the old one until the
    // first checkpoint after a promotion.
    public const string Node = """
        SELECT r.recovery,
               CASE WHEN r.recovery
                    THEN greatest((SELECT received_tli FROM pg_stat_wal_receiver), (SELECT min_recovery_end_timeline FROM pg_control_recovery()), (SELECT timeline_id FROM pg_control_checkpoint()))
                    ELSE ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int END,
               CASE WHEN r.recovery THEN NULL ELSE pg_current_wal_lsn() END::text,
               pg_last_wal_receive_lsn()::text,
               pg_last_wal_replay_lsn()::text,
               pg_last_xact_replay_timestamp(),
               clock_timestamp(),
               current_setting('synchronous_standby_names'),
               to_regclass('opsconsole.heartbeat') IS NOT NULL
        FROM (SELECT pg_is_in_recovery() AS recovery) r
        """;

    public const string Senders = """
        SELECT application_name, coalesce(state, 'unknown'), coalesce(sync_state, 'async'), sent_lsn::text, write_lsn::text, flush_lsn::text, replay_lsn::text,
               extract(epoch FROM write_lag)::float8, extract(epoch FROM flush_lag)::float8, extract(epoch FROM replay_lag)::float8, reply_time
        FROM pg_stat_replication
        """;

    public const string Receiver = """
        SELECT status, sender_host, sender_port, slot_name, last_msg_receipt_time, latest_end_lsn::text FROM pg_stat_wal_receiver
        """;

    public const string Slots = """
        SELECT slot_name::text, active, wal_status,
               pg_wal_lsn_diff(CASE WHEN pg_is_in_recovery() THEN coalesce(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) ELSE pg_current_wal_lsn() END, restart_lsn)::bigint
        FROM pg_replication_slots WHERE slot_type = 'physical' ORDER BY slot_name
        """;

    public const string NewestHeartbeat = "SELECT writer, sequence, at FROM opsconsole.heartbeat ORDER BY at DESC LIMIT 1";

    public const string CreateHeartbeats = """
        CREATE SCHEMA IF NOT EXISTS opsconsole;
        CREATE TABLE IF NOT EXISTS opsconsole.heartbeat (writer uuid NOT NULL, sequence bigint NOT NULL, at timestamptz NOT NULL, PRIMARY KEY (writer, sequence));
        CREATE INDEX IF NOT EXISTS heartbeat_at ON opsconsole.heartbeat (at);
        """;

    public const string InsertHeartbeat = "INSERT INTO opsconsole.heartbeat (writer, sequence, at) VALUES ($1, $2, $3)";

    public const string TrimHeartbeats = "DELETE FROM opsconsole.heartbeat WHERE at < $1";
}
