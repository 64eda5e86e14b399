using System.Collections.Immutable;

namespace OpsConsole.Core.Live;

/// <summary>What a viewer would see change. Facts are published at once; everything else (figures, ages, sentences with figures in
/// them) once per figure interval. Records compare collections by reference, hence the sequences here.</summary>
internal static class Visible
{
    public static bool SameFacts(RegionState a, RegionState b) => a.Status == b.Status && a.Role == b.Role;
    public static bool SameFigures(RegionState a, RegionState b) => a with { Version = b.Version } == b;

    public static bool SameFacts(ServiceState a, ServiceState b) =>
        a.Status == b.Status && a.Circuit == b.Circuit && Same(a.Nodes, b.Nodes);
    public static bool SameFigures(ServiceState a, ServiceState b) =>
        a with { Version = b.Version, Nodes = b.Nodes, Gauges = b.Gauges } == b && Same(a.Gauges, b.Gauges);

    public static bool SameFacts(ClusterState a, ClusterState b) =>
        a.Status == b.Status && a.PrimaryRegion == b.PrimaryRegion && a.Timeline == b.Timeline && a.WriteAvailable == b.WriteAvailable
        && Same(a.Drift, b.Drift) && Same(a.Nodes, b.Nodes, SameFacts) && Same(a.Slots, b.Slots, SameFacts);
    public static bool SameFigures(ClusterState a, ClusterState b) =>
        a with { Version = b.Version, Nodes = b.Nodes, Slots = b.Slots, Drift = b.Drift } == b && Same(a.Nodes, b.Nodes) && Same(a.Slots, b.Slots);

    public static bool SameFacts(LinkState a, LinkState b) => a.Status == b.Status && a.State == b.State && a.Sync == b.Sync;
    public static bool SameFigures(LinkState a, LinkState b) => a with { Version = b.Version } == b;

    public static bool SameFacts(LatencyState a, LatencyState b) => (a.Milliseconds is null) == (b.Milliseconds is null);
    public static bool SameFigures(LatencyState a, LatencyState b) => a with { Version = b.Version } == b;

    public static bool SameFacts(ComponentState a, ComponentState b) => a.Status == b.Status;
    public static bool SameFigures(ComponentState a, ComponentState b) => a with { Version = b.Version } == b;

    public static bool SameFacts(ReadinessState a, ReadinessState b) => a.Planned == b.Planned && a.Verdict == b.Verdict;
    public static bool SameFigures(ReadinessState a, ReadinessState b) => a with { Version = b.Version, Checks = b.Checks } == b && Same(a.Checks, b.Checks);

    private static bool SameFacts(ClusterNodeState a, ClusterNodeState b) =>
        a.Region == b.Region && a.Role == b.Role && a.Reachable == b.Reachable && a.Timeline == b.Timeline && a.ReceiverStatus == b.ReceiverStatus;

    private static bool SameFacts(SlotState a, SlotState b) =>
        a.Node == b.Node && a.Name == b.Name && a.Active == b.Active && a.WalStatus == b.WalStatus;

    private static bool Same<T>(ImmutableArray<T> a, ImmutableArray<T> b) where T : IEquatable<T> => a.AsSpan().SequenceEqual(b.AsSpan());

    private static bool Same<T>(ImmutableArray<T> first, ImmutableArray<T> second, Func<T, T, bool> same)
    {
        var a = first.AsSpan();
        var b = second.AsSpan();
        if (a.Length != b.Length)
            return false;
        for (var i = 0; i < a.Length; i++)
            if (!same(a[i], b[i]))
                return false;
        return true;
    }

    private static bool Same(ImmutableSortedDictionary<string, double> a, ImmutableSortedDictionary<string, double> b)
    {
        if (ReferenceEquals(a, b))
            return true;
        if (a.Count != b.Count)
            return false;
        foreach (var (name, value) in a)
            if (!b.TryGetValue(name, out var other) || !value.Equals(other))
                return false;
        return true;
    }
}
