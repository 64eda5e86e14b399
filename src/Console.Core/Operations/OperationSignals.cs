using System.Collections.Concurrent;
using System.Threading.Channels;

namespace OpsConsole.Core.Operations;

/// <param name="Sequence">journal sequence; 0: unknown, look again</param>
/// <param name="Kind">of the journal entry; empty: unknown</param>
public sealed record OperationSignal(Guid OperationId, long Sequence, string Kind);

/// <summary>Says in this process that something changed in an operation; <see cref="OperationListener"/> feeds it from all nodes' journals.
/// A slow reader loses old signals, never the newest: signals say "look", they carry nothing.</summary>
public sealed class OperationSignals
{
    private readonly ConcurrentDictionary<Channel<OperationSignal>, byte> _readers = new();

    public void Raise(OperationSignal signal)
    {
        foreach (var reader in _readers.Keys)
            reader.Writer.TryWrite(signal);
    }

    public OperationSubscription Subscribe()
    {
        var channel = Channel.CreateBounded<OperationSignal>(new BoundedChannelOptions(256) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });
        _readers.TryAdd(channel, 0);
        return new OperationSubscription(channel.Reader, () => _readers.TryRemove(channel, out _));
    }
}

public sealed class OperationSubscription(ChannelReader<OperationSignal> signals, Action unsubscribe) : IDisposable
{
    public ChannelReader<OperationSignal> Signals { get; } = signals;
    public void Dispose() => unsubscribe();
}
