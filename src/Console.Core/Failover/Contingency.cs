using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Failover;

/// <param name="Lost">Regions that are gone in this case.</param>
/// <param name="RemainingRps">Capacity of the others in requests/s.</param>
/// <param name="Holds">Whether the rest carries the load; null while the load is unknown.</param>
public sealed record ContingencyCase(IReadOnlyList<string> Lost, double RemainingRps, double? LoadRps, bool? Holds);

/// <summary>Can the rest carry the load when one region (N-1) or two (N-2) are lost (FO-9)?</summary>
public static class Contingency
{
    /// <param name="serving">Regions that serve now; a region that is already lost is lost in every case.</param>
    /// <param name="depth">1: every single loss. 2: every pair.</param>
    public static IReadOnlyList<ContingencyCase> Cases(IReadOnlyList<RegionOptions> serving, double? loadRps, int depth)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(depth, 1);
        return Choose(serving, depth).Select(lost =>
        {
            var remaining = serving.Except(lost).Sum(r => r.CapacityRps);
            return new ContingencyCase(lost.Select(r => r.Id).ToList(), remaining, loadRps, loadRps is { } load ? load <= remaining : null);
        }).ToList();
    }

    private static IEnumerable<IReadOnlyList<RegionOptions>> Choose(IReadOnlyList<RegionOptions> from, int count)
    {
        if (count == 0) return [[]];
        return from.SelectMany((first, index) => Choose(from.Skip(index + 1).ToList(), count - 1).Select(rest => (IReadOnlyList<RegionOptions>)[first, .. rest]));
    }
}
