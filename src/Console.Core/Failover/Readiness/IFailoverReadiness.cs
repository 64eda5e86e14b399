using OpsConsole.Core.Live;

namespace OpsConsole.Core.Failover.Readiness;

/// <summary>Whether a cluster could move, as measured all the time by the node that observes (FO-2); the same on every node. For whoever
/// needs it without asking the fleet: pages, the API, drills.</summary>
public interface IFailoverReadiness
{
    /// <summary>The latest checks of one ordered pair; null while nothing was measured. Look at <see cref="ReadinessState.AsOf"/>.</summary>
    ReadinessState? Find(string cluster, string source, string target);

    /// <summary>All ordered pairs of a cluster that were measured.</summary>
    IReadOnlyList<ReadinessState> Of(string cluster);
}

/// <summary>Reads it from the live picture.</summary>
public sealed class FailoverReadiness(IFleetFeed feed) : IFailoverReadiness
{
    public ReadinessState? Find(string cluster, string source, string target) => feed.Current.Readiness.GetValueOrDefault(LinkState.KeyOf(cluster, source, target));

    public IReadOnlyList<ReadinessState> Of(string cluster) => [.. feed.Current.Readiness.Values.Where(r => r.Cluster == cluster)];
}
