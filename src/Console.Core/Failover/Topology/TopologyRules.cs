using System.Globalization;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Failover.Topology;

/// <summary>What must hold before a standby is changed. Pure; what is unknown never passes.</summary>
public static class TopologyRules
{
    public static IEnumerable<PreflightCheck> Evaluate(TopologyRequest request, ClusterOptions cluster, ClusterState? state)
    {
        var node = state?.Nodes.FirstOrDefault(n => n.Region == request.Region);
        yield return NotThePrimary(request, state, node);
        if (request.Action == TopologyAction.DropSlots)
        {
            yield return SlotsIdle(request, cluster, state);
            yield break;
        }
        yield return UpstreamServes(request, state);
        yield return CommitsGoOn(request, cluster, state);
    }

    private static PreflightCheck NotThePrimary(TopologyRequest request, ClusterState? state, ClusterNodeState? node)
    {
        if (state is null || node is null) return Block("node-is-no-primary", "unknown", "standby or down", "Nothing was measured of this cluster yet.");
        return state.PrimaryRegion == request.Region || node is { Reachable: true, Role: NodeRole.Primary } && request.Action != TopologyAction.Rejoin
            ? Block("node-is-no-primary", "primary", "standby or down", $"{request.Region} takes writes. Move the cluster away from it first.")
            : Pass("node-is-no-primary", node.Reachable ? node.Role.ToString().ToLowerInvariant() : "unreachable", "standby or down", $"{request.Region} takes no writes of clients.");
    }

    private static PreflightCheck UpstreamServes(TopologyRequest request, ClusterState? state)
    {
        var upstream = state?.Nodes.FirstOrDefault(n => n.Region == request.Upstream);
        if (upstream is not { Reachable: true }) return Block("upstream-serves", upstream is null ? "unknown" : "unreachable", "reachable", $"{request.Upstream} cannot be streamed from now.");
        return upstream.Role == NodeRole.Primary || upstream.ReceiverStatus == "streaming"
            ? Pass("upstream-serves", upstream.Role.ToString().ToLowerInvariant(), "primary or streaming", $"{request.Upstream} has the log.")
            : Block("upstream-serves", upstream.ReceiverStatus ?? "does not stream", "primary or streaming", $"{request.Upstream} does not stream itself: what follows it would fall behind with it.");
    }

    /// <summary>Commits wait for standbys of the primary: one that is copied, or streams from another standby, is none.</summary>
    private static PreflightCheck CommitsGoOn(TopologyRequest request, ClusterOptions cluster, ClusterState? state)
    {
        var rest = state?.Nodes.Count(n => n.Region != request.Region && n is { Reachable: true, Role: NodeRole.Standby, ReceiverStatus: "streaming" }) ?? 0;
        var limit = string.Create(CultureInfo.InvariantCulture, $"{cluster.SynchronousStandbys} of {cluster.Nodes.Count - 1}");
        return rest >= cluster.SynchronousStandbys
            ? Pass("commits-go-on", $"{rest} other standbys stream", limit, "Commits are confirmed without it.")
            : Block("commits-go-on", $"{rest} other standbys stream", limit, "Writes would wait while it is away. Bring another standby back first.");
    }

    private static PreflightCheck SlotsIdle(TopologyRequest request, ClusterOptions cluster, ClusterState? state)
    {
        var name = Upstream.SlotOf(cluster, request.Region);
        if (state is null) return Block("slots-idle", "unknown", "idle", "Nothing was measured of this cluster yet.");
        var slots = state.Slots.Where(s => s.Name == name).ToList();
        return slots.FirstOrDefault(s => s.Active) is { } active
            ? Block("slots-idle", $"active on {active.Node}", "idle", $"{request.Region} streams from {active.Node}: its slot is in use.")
            : Pass("slots-idle", $"{slots.Count} idle, keep {slots.Sum(s => s.RetainedBytes ?? 0).ToString(CultureInfo.InvariantCulture)} bytes", "idle", "Nobody uses them.");
    }

    private static PreflightCheck Pass(string id, string measured, string limit, string message) => new(id, CheckVerdict.Passed, measured, limit, message);
    private static PreflightCheck Block(string id, string measured, string limit, string message) => new(id, CheckVerdict.Blocking, measured, limit, message);
}
