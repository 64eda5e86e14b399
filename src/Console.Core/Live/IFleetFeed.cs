using System.Collections.Immutable;
using System.Threading.Channels;

namespace OpsConsole.Core.Live;

/// <summary>What changed between two pictures, whole entities, keyed as in the snapshot. <see cref="Sequence"/> of a
/// subscriber's batches may skip numbers when batches were merged for a slow reader; no change is lost by that.</summary>
public sealed record ChangeBatch(long Epoch, long Sequence, DateTimeOffset At, HealthStatus Overall, ImmutableArray<ILiveEntity> Changed)
{
    /// <summary>Keys of links that left the picture (a role change turned them round).</summary>
    public ImmutableArray<string> RemovedLinks { get; init; } = [];
}

/// <summary>Where every viewer gets the picture: a snapshot, then batches (the first at once, then at most 10 a second).</summary>
public interface IFleetFeed
{
    /// <summary>The newest picture; never blocks.</summary>
    FleetSnapshot Current { get; }

    /// <summary>Snapshot and reader are taken together: the reader delivers exactly what came after the snapshot.</summary>
    FleetSubscription Subscribe();
}

public sealed class FleetSubscription(FleetSnapshot snapshot, ChannelReader<ChangeBatch> batches, Action unsubscribe) : IDisposable
{
    public FleetSnapshot Snapshot { get; } = snapshot;
    public ChannelReader<ChangeBatch> Batches { get; } = batches;
    public void Dispose() => unsubscribe();
}
