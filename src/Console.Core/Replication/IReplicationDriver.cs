using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Replication;

/// <summary>What a database vendor must offer to be observed.</summary>
public interface IReplicationDriver
{
    bool Serves(ClusterDriver driver);

    INodeObserver Observe(ClusterOptions cluster, ClusterNodeOptions node);

    /// <summary>Through <see cref="ClusterOptions.WriteEndpoint"/>, as clients write.</summary>
    IHeartbeatChannel Heartbeats(ClusterOptions cluster);
}

/// <param name="Writer">this run of the console</param>
/// <param name="Sequence">from 1, without gaps</param>
public readonly record struct Heartbeat(Guid Writer, long Sequence, DateTimeOffset At);

/// <param name="Acknowledged">Committed as durably as the cluster promises. A commit whose wait for synchronous replication was cut short is not.</param>
/// <param name="Warning">what the server warned of; null when nothing</param>
public readonly record struct HeartbeatAnswer(bool Acknowledged, string? Warning);

/// <summary>Writes heartbeat rows, one at a time.</summary>
public interface IHeartbeatChannel : IAsyncDisposable
{
    /// <summary>Waits for the commit, however long it takes up to the channel's own deadline (10 s).</summary>
    /// <exception cref="NodeUnavailableException">Not written, or the outcome is unknown: not acknowledged either way.</exception>
    Task<HeartbeatAnswer> WriteAsync(Heartbeat beat, CancellationToken cancel);
}
