using System.Collections.Concurrent;

namespace OpsConsole.Core.Failover.Detection;

/// <summary>The newest position that each primary was seen to have written: what is known of it once it is gone.</summary>
public sealed class LastSeen
{
    private readonly ConcurrentDictionary<(string Cluster, string Region), ulong> _positions = new();

    public void Set(string cluster, string region, ulong position) => _positions[(cluster, region)] = position;

    /// <summary>Null when that node was never seen as a primary by this process.</summary>
    public ulong? Position(string cluster, string region) => _positions.TryGetValue((cluster, region), out var position) ? position : null;
}
