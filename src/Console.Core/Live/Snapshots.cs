using System.Collections.Immutable;

namespace OpsConsole.Core.Live;

/// <summary>Pictures as lists of entities, and the way back: how a follower, a test or a client applies a batch.</summary>
public static class Snapshots
{
    public static ImmutableArray<ILiveEntity> Entities(FleetSnapshot snapshot) =>
        [.. snapshot.Regions.Values, .. snapshot.Services.Values, .. snapshot.Clusters.Values, .. snapshot.Links.Values, .. snapshot.Latencies.Values, .. snapshot.Components.Values, .. snapshot.Readiness.Values];

    /// <summary>The picture after <paramref name="batch"/>.</summary>
    public static FleetSnapshot Apply(FleetSnapshot snapshot, ChangeBatch batch)
    {
        var regions = snapshot.Regions.ToBuilder();
        var services = snapshot.Services.ToBuilder();
        var clusters = snapshot.Clusters.ToBuilder();
        var links = snapshot.Links.ToBuilder();
        var latencies = snapshot.Latencies.ToBuilder();
        var components = snapshot.Components.ToBuilder();
        var readiness = snapshot.Readiness.ToBuilder();
        links.RemoveRange(batch.RemovedLinks);
        foreach (var entity in batch.Changed)
        {
            switch (entity)
            {
                case RegionState region: regions[region.Key] = region; break;
                case ServiceState service: services[service.Key] = service; break;
                case ClusterState cluster: clusters[cluster.Key] = cluster; break;
                case LinkState link: links[link.Key] = link; break;
                case LatencyState latency: latencies[latency.Key] = latency; break;
                case ComponentState component: components[component.Key] = component; break;
                case ReadinessState ready: readiness[ready.Key] = ready; break;
                default: throw new ArgumentException($"A batch holds an unknown kind of entity: {entity.GetType().Name}.", nameof(batch));
            }
        }
        return new FleetSnapshot(batch.Epoch, batch.Sequence, batch.At, batch.Overall, regions.ToImmutable(), services.ToImmutable(),
            clusters.ToImmutable(), links.ToImmutable(), latencies.ToImmutable(), components.ToImmutable()) { Readiness = readiness.ToImmutable() };
    }
}
