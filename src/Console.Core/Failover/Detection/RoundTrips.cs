using System.Collections.Concurrent;

namespace OpsConsole.Core.Failover.Detection;

/// <summary>What a question to a node and its answer take on the way, as the detector measures it all the time. A limit for a node's answer is
/// given so much more: what is far away is not out of reach.</summary>
public sealed class RoundTrips
{
    /// <summary>Round trips until a new connection is signed in: TCP, the question for TLS, the start, three of SCRAM, and the first settings.</summary>
    public const int ToConnect = 8;

    private readonly ConcurrentDictionary<(string Cluster, string Region), TimeSpan> _ways = new();

    internal void Set(string cluster, string region, TimeSpan roundTrip) => _ways[(cluster, region)] = roundTrip;

    /// <summary>The shortest of late; zero when it was not measured yet.</summary>
    public TimeSpan Of(string cluster, string region) => _ways.GetValueOrDefault((cluster, region));

    /// <summary><paramref name="limit"/>, and so many round trips to the node.</summary>
    public TimeSpan Beyond(TimeSpan limit, string cluster, string region, int trips) => limit + (Of(cluster, region) * trips);
}
