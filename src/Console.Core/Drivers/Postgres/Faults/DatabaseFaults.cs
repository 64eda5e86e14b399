using System.Globalization;
using Npgsql;
using OpsConsole.Core.Chaos;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Drivers.Postgres.Faults;

/// <summary>Faults inside PostgreSQL, kept up by sessions whose <c>application_name</c> is the fault's tag: they end with this process, and
/// another one finds them by their name.</summary>
internal sealed class DatabaseFaults(FleetModel fleet, SustainedFaults sustained) : IFaultInjector
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    /// <summary>Connections left to others besides those reserved for superusers.</summary>
    private const int Spare = 5;
    private const int OpenedAtOnce = 6;

    public IReadOnlyList<string> Kinds { get; } = [FaultKinds.DatabaseSessions, FaultKinds.DatabaseConnections, FaultKinds.DatabaseSlow];

    public async Task<string?> UnavailableAsync(Fault fault, CancellationToken cancel)
    {
        if (!TryFind(fault, out var cluster, out var node)) return $"{fault.Target} is no node of a cluster";
        return await InWordsAsync(fault, async () =>
        {
            await using var connection = await NodeConnection.OpenAsync(cluster, node, "opsconsole chaos", cancel);
            if (fault.Kind == FaultKinds.DatabaseSlow && await connection.ScalarAsync<bool>("SELECT pg_is_in_recovery()", cancel)) return $"{node.Region} holds a standby: tables are locked on the primary";
            if (fault.Kind == FaultKinds.DatabaseSlow && (await TablesAsync(connection, cancel)).Count == 0) return $"{cluster.Database} has no tables to lock";
            return await connection.ScalarAsync<bool>("SELECT rolsuper OR pg_has_role(oid, 'pg_signal_backend', 'MEMBER') FROM pg_roles WHERE rolname = current_user", cancel)
                ? null : $"{cluster.Username} may not end sessions (pg_signal_backend)";
        }, cancel);
    }

    public async Task InjectAsync(Fault fault, CancellationToken cancel)
    {
        if ((await ReadAsync(fault, cancel)).Presence == FaultPresence.Present) return;
        var (cluster, node) = Find(fault);
        await InWordsAsync(fault, async () =>
        {
            var first = await NodeConnection.OpenAsync(cluster, node, fault.Tag, cancel);
            switch (fault.Kind)
            {
                case FaultKinds.DatabaseSessions:
                    var share = (fault.IntensityPercent / 100).ToString(CultureInfo.InvariantCulture);
                    await sustained.KeepAsync(fault.Tag, [first], (session, token) => session.ExecuteAsync($"""
                        SELECT pg_terminate_backend(pid) FROM pg_stat_activity
                        WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() AND application_name NOT LIKE 'opsconsole%' AND random() < {share}
                        """, token), Interval);
                    break;
                case FaultKinds.DatabaseSlow:
                    var pulse = PulseOf(fault, await TablesAsync(first, cancel));
                    await sustained.KeepAsync(fault.Tag, [first], (session, token) => session.ExecuteAsync(pulse, token), Interval);
                    break;
                default:
                    await sustained.KeepAsync(fault.Tag, await FillAsync(cluster, node, fault, first, cancel), null, Interval);
                    break;
            }
            return true;
        }, cancel);
    }

    public async Task<FaultReading> ReadAsync(Fault fault, CancellationToken cancel)
    {
        var (cluster, node) = Find(fault);
        return await InWordsAsync(fault, async () =>
        {
            await using var connection = await NodeConnection.OpenAsync(cluster, node, "opsconsole chaos", cancel);
            var mine = (int)await connection.ScalarAsync<long>($"SELECT count(*) FROM pg_stat_activity WHERE application_name = {NodeSql.Literal(fault.Tag)}", cancel);
            var measured = fault.Kind == FaultKinds.DatabaseConnections
                ? await connection.ScalarAsync<string>("SELECT count(*) || ' of ' || current_setting('max_connections') || ' connections used' FROM pg_stat_activity WHERE backend_type = 'client backend'", cancel) ?? ""
                : $"{mine} disturbing {(mine == 1 ? "session" : "sessions")}";
            return new FaultReading(mine == 0 ? FaultPresence.Absent : FaultPresence.Present, measured);
        }, cancel);
    }

    public async Task RevertAsync(Fault fault, CancellationToken cancel)
    {
        var (cluster, node) = Find(fault);
        await sustained.EndAsync(fault.Tag);
        await InWordsAsync(fault, async () =>
        {
            await using var connection = await NodeConnection.OpenAsync(cluster, node, "opsconsole chaos", cancel);
            var mine = $"FROM pg_stat_activity WHERE application_name = {NodeSql.Literal(fault.Tag)} AND pid <> pg_backend_pid()";
            await connection.ExecuteAsync($"SELECT pg_terminate_backend(pid) {mine}", cancel);
            // A backend leaves the view a moment after its end was ordered.
            await NodeSql.UntilAsync(async () => await connection.ScalarAsync<long>($"SELECT count(*) {mine}", cancel) == 0, TimeSpan.FromSeconds(5), TimeProvider.System,
                () => $"Sessions of {fault.Tag} are still there.", cancel);
            return true;
        }, cancel);
    }

    /// <summary>Opens idle sessions up to the wanted share of <c>max_connections</c>, never into the reserve.</summary>
    private static async Task<IReadOnlyList<NpgsqlConnection>> FillAsync(ClusterOptions cluster, ClusterNodeOptions node, Fault fault, NpgsqlConnection first, CancellationToken cancel)
    {
        var most = int.Parse(await first.ScalarAsync<string>("SHOW max_connections", cancel) ?? "0", CultureInfo.InvariantCulture);
        var reserved = int.Parse(await first.ScalarAsync<string>("SHOW superuser_reserved_connections", cancel) ?? "3", CultureInfo.InvariantCulture);
        var used = (int)await first.ScalarAsync<long>("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'", cancel);
        var wanted = Math.Min((int)Math.Ceiling(most * fault.IntensityPercent / 100), most - reserved - Spare) - used;
        var sessions = new List<NpgsqlConnection> { first };
        try
        {
            while (sessions.Count < wanted + 1)
            {
                var opened = await Task.WhenAll(Enumerable.Range(0, Math.Min(OpenedAtOnce, wanted + 1 - sessions.Count)).Select(_ => NodeConnection.OpenAsync(cluster, node, fault.Tag, cancel)));
                sessions.AddRange(opened);
            }
            return sessions;
        }
        catch
        {
            foreach (var session in sessions) await session.DisposeAsync();
            throw;
        }
    }

    /// <summary>The rollback ends what an earlier pulse may have left when its lock was not to be had.</summary>
    private static string PulseOf(Fault fault, IReadOnlyList<string> tables)
    {
        var hold = Math.Clamp(fault.Number("lockMs", fault.IntensityPercent * 9), 10, 950);
        return $"ROLLBACK; BEGIN; SET LOCAL lock_timeout = '800ms'; LOCK TABLE {string.Join(", ", tables)} IN ACCESS EXCLUSIVE MODE; SELECT pg_sleep({(hold / 1000).ToString(CultureInfo.InvariantCulture)}); COMMIT";
    }

    /// <summary>The applications' tables, not the console's own.</summary>
    private static Task<IReadOnlyList<string>> TablesAsync(NpgsqlConnection connection, CancellationToken cancel) => connection.ListAsync(
        "SELECT format('%I.%I', schemaname, relname) FROM pg_stat_user_tables WHERE schemaname <> 'opsconsole' ORDER BY n_live_tup DESC, relname LIMIT 10", r => r.GetString(0), cancel);

    private (ClusterOptions Cluster, ClusterNodeOptions Node) Find(Fault fault) =>
        TryFind(fault, out var cluster, out var node) ? (cluster, node) : throw new FaultException($"{fault.Target} is no node of a cluster.");

    private bool TryFind(Fault fault, out ClusterOptions cluster, out ClusterNodeOptions node)
    {
        (cluster, node) = (null!, null!);
        if (fault.Id.Split('/') is not [var id, var region] || !fleet.Clusters.TryGetValue(id, out var found)) return false;
        (cluster, node) = (found, found.Nodes.FirstOrDefault(n => n.Region == region)!);
        return node is not null;
    }

    private static async Task<T> InWordsAsync<T>(Fault fault, Func<Task<T>> work, CancellationToken cancel)
    {
        try
        {
            return await work();
        }
        catch (Exception e) when (PostgresConnections.IsUnavailable(e, cancel))
        {
            throw new FaultException($"{fault.Target}: {PostgresConnections.Unavailable(e, fault.Target).Message}", e);
        }
    }
}
