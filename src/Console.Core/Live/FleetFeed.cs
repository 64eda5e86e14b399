using System.Collections.Immutable;

namespace OpsConsole.Core.Live;

/// <summary>Holds the current picture and hands each subscriber what comes after its snapshot. Publishing costs one reference per
/// subscriber: all share the batch object, only a slow one gets a merged batch of its own.</summary>
public sealed class FleetFeed : IFleetFeed
{
    private readonly Lock _gate = new();
    private ImmutableArray<MergingReader> _readers = [];
    private volatile FleetSnapshot _current = FleetSnapshot.Empty;

    public FleetSnapshot Current => _current;

    public FleetSubscription Subscribe()
    {
        var reader = new MergingReader();
        lock (_gate)
        {
            _readers = _readers.Add(reader);
            return new FleetSubscription(_current, reader, () => Unsubscribe(reader));
        }
    }

    /// <summary>Makes <paramref name="next"/> the current picture and delivers the difference that led to it.</summary>
    public void Publish(FleetSnapshot next, ChangeBatch batch)
    {
        lock (_gate)
        {
            _current = next;
            foreach (var reader in _readers)
                reader.Offer(batch);
        }
    }

    private void Unsubscribe(MergingReader reader)
    {
        lock (_gate)
            _readers = _readers.Remove(reader);
        reader.Complete();
    }
}
