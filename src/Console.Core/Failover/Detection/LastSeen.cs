using System.Collections.Concurrent;

namespace OpsConsole.Core.Failover.Detection;

/// <summary>What each primary was seen to be: all that is known of it once it is gone.</summary>
public sealed class LastSeen
{
    private readonly ConcurrentDictionary<(string Cluster, string Region), (ulong? Position, int? Confirmations)> _primaries = new();

    /// <param name="position">newest that it had written</param>
    /// <param name="confirmations">how many standbys confirmed each commit; null: unknown</param>
    public void Set(string cluster, string region, ulong position, int? confirmations) => _primaries[(cluster, region)] = (position, confirmations);

    /// <summary>Of a primary that this process has not seen itself: its standbys tell of it.</summary>
    public void Learn(string cluster, string region, int? confirmations) => _primaries.TryAdd((cluster, region), (null, confirmations));

    /// <summary>Null when that node was never seen as a primary by this process.</summary>
    public ulong? Position(string cluster, string region) => _primaries.TryGetValue((cluster, region), out var seen) ? seen.Position : null;

    /// <summary>How many standbys confirmed each of its commits; null when that is not known.</summary>
    public int? Confirmations(string cluster, string region) => _primaries.TryGetValue((cluster, region), out var seen) ? seen.Confirmations : null;
}
