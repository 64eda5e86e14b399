using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Threading.Channels;

namespace OpsConsole.Core.Live;

/// <summary>One subscriber's end of the feed: at most one batch waits in it. Batches that arrive meanwhile are merged into that one,
/// newest entity wins, so nothing is lost and the size is bounded by the fleet, however slow the subscriber.</summary>
internal sealed class MergingReader : ChannelReader<ChangeBatch>
{
    private readonly Lock _gate = new();
    // Holds one token exactly while a batch waits; carries the waiting and the completion.
    private readonly Channel<byte> _signal = Channel.CreateBounded<byte>(1);
    private ChangeBatch? _pending;

    public override Task Completion => _signal.Reader.Completion;

    public void Offer(ChangeBatch batch)
    {
        lock (_gate)
        {
            _pending = _pending is null ? batch : Merge(_pending, batch);
            _signal.Writer.TryWrite(0);
        }
    }

    public void Complete()
    {
        lock (_gate)
        {
            _pending = null;
            _signal.Reader.TryRead(out _);
            _signal.Writer.TryComplete();
        }
    }

    public override bool TryRead([MaybeNullWhen(false)] out ChangeBatch item)
    {
        lock (_gate)
        {
            item = _pending;
            if (item is null)
                return false;
            _pending = null;
            _signal.Reader.TryRead(out _);
            return true;
        }
    }

    public override ValueTask<bool> WaitToReadAsync(CancellationToken cancellationToken = default) => _signal.Reader.WaitToReadAsync(cancellationToken);

    private static ChangeBatch Merge(ChangeBatch older, ChangeBatch newer)
    {
        var newest = new Dictionary<(Type, string), ILiveEntity>(older.Changed.Length + newer.Changed.Length);
        foreach (var entity in older.Changed)
            newest[(entity.GetType(), entity.Key)] = entity;
        var removed = older.RemovedLinks.ToHashSet();
        foreach (var key in newer.RemovedLinks)
        {
            newest.Remove((typeof(LinkState), key));
            removed.Add(key);
        }
        foreach (var entity in newer.Changed)
        {
            newest[(entity.GetType(), entity.Key)] = entity;
            if (entity is LinkState)
                removed.Remove(entity.Key);
        }
        return newer with { Changed = [.. newest.Values], RemovedLinks = [.. removed] };
    }
}
