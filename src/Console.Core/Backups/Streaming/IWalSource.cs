using OpsConsole.Core.Fleet;
using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Backups.Streaming;

/// <summary>Where the log comes from: the cluster's primary.</summary>
public interface IWalSource
{
    /// <exception cref="WalSourceException">not to be had now; says what to do</exception>
    Task<IWalConnection> OpenAsync(ClusterOptions cluster, string address, CancellationToken cancel);
}

/// <summary>A replication connection to one node.</summary>
public interface IWalConnection : IAsyncDisposable
{
    string SystemIdentifier { get; }
    int Timeline { get; }
    int SegmentBytes { get; }
    /// <summary>Its position when the connection was made.</summary>
    WalPosition Position { get; }

    Task<byte[]> HistoryAsync(int timeline, CancellationToken cancel);

    /// <summary>The log from a position on, in order and without gaps. Ends with the timeline, or not at all. Not through the slot: the server's shutdown would wait until the slot's
    /// reader has confirmed all, and only what is stored may be confirmed.</summary>
    IAsyncEnumerable<WalChunk> StreamAsync(WalPosition from, int timeline, CancellationToken cancel);
}

/// <summary>The slots, one on each node, that keep the log until it is stored. Nobody reads through them; they are moved on.</summary>
public interface IWalSlots
{
    /// <summary>Makes the slot where it is missing, and moves it on (never back).</summary>
    /// <param name="to">null: only makes it</param>
    /// <returns>how it stands afterwards</returns>
    /// <exception cref="WalSourceException">not to be had now; says what to do</exception>
    Task<WalSlot> KeepAsync(ClusterOptions cluster, string address, string slot, WalPosition? to, CancellationToken cancel);

    Task DropAsync(ClusterOptions cluster, string address, string slot, CancellationToken cancel);
}

/// <param name="Restart">from where the log is kept; null: the slot was lost, its log is removed</param>
/// <param name="RetainedBytes">log that the server keeps because of it</param>
public sealed record WalSlot(WalPosition? Restart, long RetainedBytes);

/// <param name="From">position of the first byte; the data is valid until the next chunk is asked for</param>
public readonly record struct WalChunk(WalPosition From, ReadOnlyMemory<byte> Data);

public enum WalFailure { Unreachable, Refused, LogRemoved, Other }

public sealed class WalSourceException(WalFailure failure, string message, Exception? inner = null) : Exception(message, inner)
{
    public WalFailure Failure { get; } = failure;
}
