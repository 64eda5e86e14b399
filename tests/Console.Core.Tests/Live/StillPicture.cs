using OpsConsole.Core.Health;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Tests.Live;

/// <summary>A picture that changes only when the test changes it.</summary>
internal sealed class StillFeed(FleetSnapshot picture) : IFleetFeed
{
    public FleetSnapshot Current { get; set; } = picture;
    public FleetSubscription Subscribe() => throw new InvalidOperationException("Nobody follows in these tests.");
}

/// <summary>Takes everything and keeps nothing; a test overrides what it wants to see.</summary>
internal class SilentReducer : IFleetReducer
{
    public virtual void Probed(ProbeSample sample) { }
    public virtual void Cluster(string id, Func<ClusterState, ClusterState> change) { }
    public virtual void Link(string cluster, string source, string target, Func<LinkState, LinkState> change) { }
    public virtual void RemoveLink(string cluster, string source, string target) { }
    public virtual void Latency(string source, string target, double? milliseconds, double lossPercent, DateTimeOffset at) { }
    public virtual void TrafficShare(string region, double? percent, DateTimeOffset at) { }
    public virtual void Gauge(string service, string name, double value, DateTimeOffset at) { }
    public virtual void Component(string name, HealthStatus status, string detail, DateTimeOffset? lastSampleAt) { }
    public virtual void Readiness(ReadinessState readiness) { }
}
