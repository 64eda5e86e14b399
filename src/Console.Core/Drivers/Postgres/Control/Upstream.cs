using Npgsql;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Drivers.Postgres.Control;

/// <summary>Where a standby streams from. A reload is enough: its receiver changes over without a restart.</summary>
public static class Upstream
{
    /// <summary>How <paramref name="node"/> reaches <paramref name="source"/>'s node, as libpq writes it; the link's own way, never round it.</summary>
    /// <exception cref="InvalidOperationException">the link is not declared</exception>
    public static string Conninfo(FleetModel fleet, string cluster, string node, string source)
    {
        var options = fleet.Clusters[cluster];
        var (host, port) = Split(Address(fleet, cluster, node, source));
        return $"host={host} port={port} user={Quote(options.ReplicationUsername)} password={Quote(options.ReplicationPassword)} "
            + $"application_name={NameOf(options, node)} connect_timeout=3 keepalives_idle=5 keepalives_interval=2 keepalives_count=3";
    }

    public static string Address(FleetModel fleet, string cluster, string node, string source) => fleet.Link(cluster, source, node)?.Address
        ?? throw new InvalidOperationException($"The fleet declares no link from {source} to {node} for {cluster}.");

    /// <summary><c>application_name</c> of the node's receiver.</summary>
    public static string NameOf(ClusterOptions cluster, string region)
    {
        var node = cluster.Nodes.First(n => n.Region == region);
        return node.ApplicationName.Length > 0 ? node.ApplicationName : region.Replace('-', '_');
    }

    /// <summary>Name of the node's slot on every other node.</summary>
    public static string SlotOf(ClusterOptions cluster, string region) => NameOf(cluster, region).Replace('-', '_');

    /// <summary>Makes a standby follow another node; returns when the setting is in force, not yet when it streams.</summary>
    public static Task FollowAsync(NpgsqlConnection node, string conninfo, string slot, CancellationToken cancel) =>
        node.AlterSystemAsync([("primary_conninfo", conninfo), ("primary_slot_name", slot)], cancel);

    /// <summary>The view of receivers hides one that is still connecting; the list of processes does not.</summary>
    private const string Receivers = "SELECT FROM pg_stat_activity a WHERE backend_type = 'walreceiver'";

    /// <summary>Makes a standby stop receiving, and waits until its receiver is gone: what it holds now is all that it will hold. One that is stopping still counts:
    /// it may flush what it has received, and confirm a commit with that.</summary>
    /// <exception cref="TimeoutException">the receiver lives on</exception>
    public static async Task DetachAsync(NpgsqlConnection node, TimeSpan limit, TimeProvider time, CancellationToken cancel)
    {
        await node.AlterSystemAsync([("primary_conninfo", "")], cancel);
        await NodeSql.UntilAsync(async () => await node.ScalarAsync<bool>($"SELECT current_setting('primary_conninfo') = '' AND NOT EXISTS ({Receivers})", cancel),
            limit, time, () => "The standby's WAL receiver did not stop.", cancel);
    }

    /// <summary>Makes a standby follow another node and waits until its receiver from the former one is gone; it need not stream yet.</summary>
    /// <param name="former"><c>host:port</c> at which it received until now</param>
    /// <exception cref="TimeoutException">it goes on receiving from there</exception>
    public static async Task LeaveAsync(NpgsqlConnection node, string conninfo, string slot, string former, TimeSpan limit, TimeProvider time, CancellationToken cancel)
    {
        await FollowAsync(node, conninfo, slot, cancel);
        await NodeSql.UntilAsync(async () => await node.ScalarAsync<bool>($"""
            SELECT current_setting('primary_conninfo') = {NodeSql.Literal(conninfo)}
                AND NOT EXISTS ({Receivers} AND NOT EXISTS (SELECT FROM pg_stat_wal_receiver r WHERE r.pid = a.pid AND sender_host || ':' || sender_port <> {NodeSql.Literal(former)}))
            """, cancel), limit, time, () => $"The standby goes on receiving from {former}.", cancel);
    }

    /// <summary>A reload makes a standby that waits before its next try to connect try at once.</summary>
    public static Task NudgeAsync(NpgsqlConnection node, CancellationToken cancel) =>
        node.ExecuteAsync("SELECT pg_reload_conf() WHERE NOT EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming')", cancel);

    /// <exception cref="TimeoutException">it does not stream from there in time</exception>
    public static async Task WaitStreamingAsync(NpgsqlConnection node, string address, TimeSpan limit, TimeProvider time, CancellationToken cancel)
    {
        NodeView? seen = null;
        await NodeSql.UntilAsync(async () => (seen = await NodeView.ReadAsync(node, cancel)).StreamsFrom(address), limit, time,
            () => $"It does not stream from {address}: its receiver is {seen?.ReceiverStatus ?? "not running"}{(seen?.Upstream is { } up ? $", connected to {up}" : "")}.", cancel);
    }

    private static (string Host, string Port) Split(string address)
    {
        var colon = address.LastIndexOf(':');
        return (address[..colon].Trim('[', ']'), address[(colon + 1)..]);
    }

    private static string Quote(string value) => $"'{value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "\\'", StringComparison.Ordinal)}'";
}
