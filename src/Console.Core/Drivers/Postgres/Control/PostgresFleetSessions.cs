using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Npgsql;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Drivers.Postgres.Control;

/// <summary>Sessions of operations on PostgreSQL nodes. The lock is an advisory one of the session: it ends with it, works on standbys
/// and survives a promotion.</summary>
public sealed class PostgresFleetSessions(FleetModel fleet, TimeProvider time) : IFleetSessions
{
    private static readonly TimeSpan Reach = TimeSpan.FromSeconds(3);

    public IFleetSession Open(string cluster, string label) => new PostgresFleetSession(fleet.Clusters[cluster], Key(cluster), label, time);

    public IFleetSession Rehearse(string cluster) => new PostgresFleetSession(fleet.Clusters[cluster], Key($"{cluster} rehearsal {Guid.NewGuid()}"), "opsconsole warm", time);

    public async Task<int> EndHoldersAsync(string cluster, CancellationToken cancel)
    {
        var ended = await OnEachAsync(cluster, $"SELECT count(*) FROM pg_locks, LATERAL (SELECT pg_terminate_backend(pid, 2000) OFFSET 0) t WHERE {Held(cluster)}", cancel);
        return (int)ended.Sum();
    }

    public async Task<bool> HolderGoneAsync(string cluster, CancellationToken cancel)
    {
        var holders = await OnEachAsync(cluster, $"SELECT count(*) FROM pg_locks WHERE {Held(cluster)}", cancel);
        return holders.Count > 0 && holders.All(h => h == 0);
    }

    /// <returns>one number from each node that answers</returns>
    private async Task<IReadOnlyList<long>> OnEachAsync(string cluster, string sql, CancellationToken cancel)
    {
        var options = fleet.Clusters[cluster];
        var answers = await Task.WhenAll(options.Nodes.Select(async node =>
        {
            using var deadline = new CancellationTokenSource(Reach, time);
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancel);
            try
            {
                await using var connection = await NodeConnection.OpenAsync(options, node, "takeover", limit.Token);
                return await connection.ScalarAsync<long>(sql, limit.Token);
            }
            catch (Exception e) when (e is NpgsqlException or System.Net.Sockets.SocketException or IOException or TimeoutException || (e is OperationCanceledException && !cancel.IsCancellationRequested))
            {
                return (long?)null; // a node that does not answer is counted by its absence
            }
        }));
        return answers.OfType<long>().ToList();
    }

    private static string Held(string cluster)
    {
        var key = unchecked((ulong)Key(cluster));
        return $"locktype = 'advisory' AND objsubid = 1 AND classid::bigint = {key >> 32} AND objid::bigint = {key & 0xFFFF_FFFF} AND pid <> pg_backend_pid()";
    }

    private static long Key(string cluster) => BinaryPrimitives.ReadInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes("opsconsole " + cluster)));
}

/// <summary>How operations connect to a node.</summary>
internal static class NodeConnection
{
    public static async Task<NpgsqlConnection> OpenAsync(ClusterOptions cluster, ClusterNodeOptions node, string label, CancellationToken cancel)
    {
        var at = HostPort.Parse(node.Address);
        var builder = new NpgsqlDataSourceBuilder(new NpgsqlConnectionStringBuilder
        {
            Host = at.Host,
            Port = at.Port,
            Database = cluster.Database,
            Username = cluster.Username,
            Password = cluster.Password,
            ApplicationName = label.Length > 63 ? label[..63] : label,
            Pooling = false,
            MaxAutoPrepare = 0,
            Enlist = false,
            Timeout = 3,
            CommandTimeout = 60,
            CancellationTimeout = 500,
            TcpKeepAlive = true,
            // What the console itself writes never waits for standbys; idle sessions that vanish without a word are noticed soon.
            Options = "-c synchronous_commit=local -c tcp_keepalives_idle=3 -c tcp_keepalives_interval=1 -c tcp_keepalives_count=3",
        }.ConnectionString);
        builder.ConfigureTypeLoading(types => types.EnableTypeLoading(false)); // built-in types are enough
        await using var source = builder.Build();
        return await source.OpenConnectionAsync(cancel);
    }
}

internal sealed class PostgresFleetSession(ClusterOptions cluster, long key, string label, TimeProvider time) : IFleetSession
{
    private static readonly TimeSpan Reach = TimeSpan.FromSeconds(3);
    // Once a majority holds the lock, the rest gets this much longer: a silent node must not hold everything up.
    private static readonly TimeSpan Grace = TimeSpan.FromMilliseconds(40);
    private readonly ConcurrentDictionary<string, Slot> _slots = new();
    private readonly CancellationTokenSource _over = new();

    public string Cluster => cluster.Id;

    public async Task<T> UseAsync<T>(string region, Func<NpgsqlConnection, CancellationToken, Task<T>> work, CancellationToken cancel)
    {
        var node = cluster.Nodes.FirstOrDefault(n => n.Region == region) ?? throw new StepFailedException($"Cluster {cluster.Id} has no node in {region}.") { Final = true };
        var slot = _slots.GetOrAdd(region, _ => new Slot());
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel, _over.Token);
        await slot.Gate.WaitAsync(limit.Token);
        try
        {
            var connection = await OpenAsync(slot, node, limit.Token);
            return await work(connection, limit.Token);
        }
        finally
        {
            if (slot.Connection is { FullState: var state } broken && !state.HasFlag(System.Data.ConnectionState.Open))
            {
                slot.Connection = null;
                await broken.DisposeAsync();
            }
            slot.Gate.Release();
        }
    }

    public async Task<int> OpenAllAsync(CancellationToken cancel)
    {
        var pending = cluster.Nodes.Select(n => OpenOneAsync(n.Region, cancel)).ToList();
        var (open, majority) = (0, cluster.Nodes.Count / 2 + 1);
        var unfinished = new List<Task<bool>>(pending);
        while (unfinished.Count > 0)
        {
            var next = open >= majority
                ? await Task.WhenAny([.. unfinished, Task.Delay(Grace, time, cancel)])
                : await Task.WhenAny(unfinished);
            if (next is not Task<bool> answer) break; // the silent ones go on opening; whoever needs one waits for it
            unfinished.Remove(answer);
            if (await answer) open++;
        }
        return open;
    }

    private async Task<bool> OpenOneAsync(string region, CancellationToken cancel)
    {
        using var deadline = new CancellationTokenSource(Reach, time);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(deadline.Token, cancel);
        try
        {
            return await UseAsync(region, (_, _) => Task.FromResult(true), limit.Token);
        }
        catch (Exception e) when (e is not LeaseLostException && !cancel.IsCancellationRequested)
        {
            return false; // not in reach
        }
    }

    private async Task<NpgsqlConnection> OpenAsync(Slot slot, ClusterNodeOptions node, CancellationToken cancel)
    {
        if (slot.Connection is { } open) return open;
        var connection = await NodeConnection.OpenAsync(cluster, node, label, cancel);
        if (!await connection.ScalarAsync<bool>($"SELECT pg_try_advisory_lock({key})", cancel))
        {
            await connection.DisposeAsync();
            throw new FleetFencedException(cluster.Id, node.Region);
        }
        slot.Connection = connection;
        return connection;
    }

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        foreach (var slot in _slots.Values)
        {
            // Work in progress ends by the cancellation above; then nobody holds the gate.
            await slot.Gate.WaitAsync();
            if (slot.Connection is { } connection) await connection.DisposeAsync();
            slot.Connection = null;
        }
    }

    private sealed class Slot
    {
        public SemaphoreSlim Gate { get; } = new(1, 1);
        public NpgsqlConnection? Connection { get; set; }
    }
}
