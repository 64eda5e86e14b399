using System.Globalization;

namespace OpsConsole.Sandbox.Postgres;

/// <summary>Settings of the sandbox's instances: small, on loopback, quick to notice a dead partner.</summary>
public static class PostgresSettings
{
    /// <summary>A node of the orders cluster.</summary>
    /// <param name="archiveCommand">brings a finished segment of the log away</param>
    public static Dictionary<string, string> Node(int port, string name, string synchronousStandbys, string archiveCommand) => new(Common(port, name))
    {
        ["archive_mode"] = "on",
        ["archive_command"] = archiveCommand,
        ["archive_timeout"] = "60s",
        ["wal_level"] = "replica",
        ["hot_standby"] = "on",
        ["wal_log_hints"] = "on", // pg_rewind needs it
        ["max_wal_senders"] = "20",
        ["max_replication_slots"] = "20",
        ["max_slot_wal_keep_size"] = "1GB",
        ["wal_keep_size"] = "64MB",
        ["wal_sender_timeout"] = "5s",
        ["wal_receiver_timeout"] = "5s",
        ["wal_receiver_status_interval"] = "1s",
        ["wal_retrieve_retry_interval"] = "100ms",
        ["recovery_target_timeline"] = "latest",
        ["synchronous_standby_names"] = synchronousStandbys,
        ["track_io_timing"] = "on",
        ["track_commit_timestamp"] = "on",
    };

    /// <summary>The console's own instance, in its own site.</summary>
    public static Dictionary<string, string> Console(int port) => new(Common(port, "console"))
    {
        ["wal_level"] = "replica",
        ["max_connections"] = "200",
        ["shared_buffers"] = "64MB",
    };

    private static Dictionary<string, string> Common(int port, string name) => new()
    {
        ["listen_addresses"] = "127.0.0.1",
        ["unix_socket_directories"] = "",
        ["port"] = port.ToString(CultureInfo.InvariantCulture),
        ["cluster_name"] = name,
        ["password_encryption"] = "scram-sha-256",
        ["max_connections"] = "150",
        ["shared_buffers"] = "32MB",
        ["min_wal_size"] = "32MB",
        ["max_wal_size"] = "256MB",
        ["autovacuum_max_workers"] = "1",
        ["jit"] = "off",
        ["timezone"] = "UTC",
        ["log_timezone"] = "UTC",
        ["log_line_prefix"] = "%m [%p] %q%u@%d/%a ",
        ["logging_collector"] = "off",
    };
}
