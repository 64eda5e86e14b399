using Npgsql;

namespace OpsConsole.Core.Operations;

/// <summary>Fences the fleet, as the lease fences the record: on each node of a cluster one session holds the cluster's advisory lock,
/// and all SQL of the operation runs in it. Session locks work on standbys, too, and survive a promotion.</summary>
public interface IFleetSessions
{
    /// <summary>Opens nothing yet; nodes are opened as they are used. <paramref name="label"/> is shown in <c>pg_stat_activity</c>.</summary>
    IFleetSession Open(string cluster, string label);

    /// <summary>Sessions under a lock of their own, which keeps nobody out: to walk the way beforehand.</summary>
    IFleetSession Rehearse(string cluster);

    /// <summary>Ends whatever sessions hold the cluster's lock, on every node that answers. For a takeover, before it acts.</summary>
    /// <returns>how many were ended</returns>
    Task<int> EndHoldersAsync(string cluster, CancellationToken cancel);

    /// <summary>True when at least one node answers and nobody holds the lock on any node that answers: the earlier holder is dead or cut off.</summary>
    Task<bool> HolderGoneAsync(string cluster, CancellationToken cancel);
}

public interface IFleetSession : IAsyncDisposable
{
    string Cluster { get; }

    /// <summary>Runs SQL in the region's session, one piece of work at a time. Opens the session and takes the lock when that has not
    /// happened yet. A session that broke is opened again only if nobody else has the lock.</summary>
    /// <exception cref="FleetFencedException">another operation holds the lock on that node</exception>
    Task<T> UseAsync<T>(string region, Func<NpgsqlConnection, CancellationToken, Task<T>> work, CancellationToken cancel);

    /// <summary>Opens as many nodes as answer. Called before a critical section.</summary>
    /// <returns>how many sessions hold the lock</returns>
    Task<int> OpenAllAsync(CancellationToken cancel);
}

/// <summary>Somebody else acts on this cluster: this runner has been replaced.</summary>
public sealed class FleetFencedException(string cluster, string region) : LeaseLostException($"The lock of cluster {cluster} on {region} is held by another session.");

/// <summary>For a fleet without databases.</summary>
public sealed class NoFleetSessions : IFleetSessions
{
    public IFleetSession Open(string cluster, string label) => new Nothing(cluster);
    public IFleetSession Rehearse(string cluster) => new Nothing(cluster);
    public Task<int> EndHoldersAsync(string cluster, CancellationToken cancel) => Task.FromResult(0);
    public Task<bool> HolderGoneAsync(string cluster, CancellationToken cancel) => Task.FromResult(false);

    private sealed class Nothing(string cluster) : IFleetSession
    {
        public string Cluster => cluster;

        public Task<T> UseAsync<T>(string region, Func<NpgsqlConnection, CancellationToken, Task<T>> work, CancellationToken cancel) =>
            throw new StepFailedException($"No driver gives sessions on cluster {cluster}.") { Final = true };

        public Task<int> OpenAllAsync(CancellationToken cancel) => Task.FromResult(0);
        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
