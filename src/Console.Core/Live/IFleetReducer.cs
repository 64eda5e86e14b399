using OpsConsole.Core.Health;

namespace OpsConsole.Core.Live;

/// <summary>The one way in for observations. Every call returns at once; a single reader (<see cref="FleetState"/>) reduces what was
/// posted, in order, sets versions and publishes. Calls on a node that does not observe (it follows another) do nothing.
/// A changed fact (status, role, state, ...) reaches viewers within 100 ms, figures and ages within 1 s.</summary>
public interface IFleetReducer
{
    /// <summary>One finished probe. Samples of a probe are posted in the order in which they ended.</summary>
    void Probed(ProbeSample sample);

    /// <summary>Changes a declared cluster's state. The function runs on the reader, gets the state so far (unknown at first), must be
    /// pure and quick; Version is set by the reducer. Several observers may each change their part.</summary>
    void Cluster(string id, Func<ClusterState, ClusterState> change);

    /// <summary>As <see cref="Cluster"/>, for one link; a link not seen before starts as unknown and disconnected.</summary>
    void Link(string cluster, string source, string target, Func<LinkState, LinkState> change);

    /// <summary>Takes a link out of the picture: it neither streams nor should (a role change turned it round).</summary>
    void RemoveLink(string cluster, string source, string target);

    /// <param name="source"><c>console</c> or a region id</param>
    /// <param name="milliseconds">null when nothing answered</param>
    /// <param name="lossPercent">lost share of the measurements, 0 to 100</param>
    void Latency(string source, string target, double? milliseconds, double lossPercent, DateTimeOffset at);

    /// <param name="percent">share of the HTTP traffic, 0 to 100; null when unknown</param>
    void TrafficShare(string region, double? percent, DateTimeOffset at);

    /// <summary>A named figure of a service (connections, ops/s, a business metric) that no probe of the engine brings.</summary>
    void Gauge(string service, string name, double value, DateTimeOffset at);

    /// <summary>Replaces a component, creating it when new.</summary>
    void Component(string name, HealthStatus status, string detail, DateTimeOffset? lastSampleAt);

    /// <summary>Replaces what is known of one pair of a cluster's regions.</summary>
    void Readiness(ReadinessState readiness);
}
