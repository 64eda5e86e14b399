namespace OpsConsole.Core.Replication;

/// <summary>What one database node says of itself, all from one round trip.</summary>
/// <param name="ServerTime">the node's own clock when it answered</param>
/// <param name="Current">position being written; null on a standby</param>
/// <param name="Received">last position received by streaming; null when nothing was streamed yet</param>
/// <param name="LastReplayedCommitAt">the primary's clock at the newest replayed commit; null on a primary that never was a standby</param>
public sealed record NodeObservation(
    bool InRecovery, int? Timeline, WalPosition? Current, WalPosition? Received, WalPosition? Replayed, DateTimeOffset? LastReplayedCommitAt,
    DateTimeOffset ServerTime, string SynchronousStandbyNames, IReadOnlyList<SenderObservation> Senders, ReceiverObservation? Receiver,
    IReadOnlyList<SlotObservation> Slots, HeartbeatObservation? Heartbeat)
{
    /// <summary>The node's newest position: written on a primary, received (or, if more, replayed) on a standby.</summary>
    public WalPosition? Position => Current ?? (Received is { } received && (Replayed is not { } replayed || received >= replayed) ? received : Replayed);
}

/// <summary>A standby as its sender sees it (<c>pg_stat_replication</c>). Lags in seconds; null when idle.</summary>
/// <param name="Sync">async, potential, quorum or sync</param>
public sealed record SenderObservation(
    string ApplicationName, string State, string Sync, WalPosition? Sent, WalPosition? Written, WalPosition? Flushed, WalPosition? Replayed,
    double? WriteLagSeconds, double? FlushLagSeconds, double? ReplayLagSeconds, DateTimeOffset? ReplyAt);

/// <summary>The WAL receiver of a standby (<c>pg_stat_wal_receiver</c>).</summary>
public sealed record ReceiverObservation(string Status, string? SenderHost, int? SenderPort, string? Slot, DateTimeOffset? LastMessageAt, WalPosition? LatestEnd);

public sealed record SlotObservation(string Name, bool Active, long? RetainedBytes, string? WalStatus);

/// <summary>The newest heartbeat that the node holds.</summary>
/// <param name="At">the console's clock when it was written</param>
public sealed record HeartbeatObservation(Guid Writer, long Sequence, DateTimeOffset At);

/// <summary>Watches one node over a connection that it keeps.</summary>
public interface INodeObserver : IAsyncDisposable
{
    /// <exception cref="NodeUnavailableException">No answer within the time-out, or a refusal. The next call connects afresh.</exception>
    Task<NodeObservation> ObserveAsync(CancellationToken cancel);
}

/// <summary>Says in one line why a node could not be observed; no secrets.</summary>
public sealed class NodeUnavailableException : Exception
{
    public NodeUnavailableException()
    {
    }

    public NodeUnavailableException(string message) : base(message)
    {
    }

    public NodeUnavailableException(string message, Exception inner) : base(message, inner)
    {
    }
}
