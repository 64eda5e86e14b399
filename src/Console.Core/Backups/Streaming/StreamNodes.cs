using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Backups.Streaming;

/// <summary>Which node a backup reads: a standby that streams rather than the primary, which then does not notice.</summary>
internal static class StreamNodes
{
    /// <summary>In the order in which to try them; the primary last. Nodes that do not answer are left out.</summary>
    public static IReadOnlyList<ClusterNodeOptions> Order(ClusterOptions cluster, ClusterState? state)
    {
        if (state is null) return cluster.Nodes;
        var nodes = state.Nodes.Where(n => n.Reachable).ToDictionary(n => n.Region);
        return [.. cluster.Nodes.Where(n => nodes.TryGetValue(n.Region, out var seen) && (seen.Role == NodeRole.Primary || (seen.Role == NodeRole.Standby && seen.ReceiverStatus == "streaming" && seen.Timeline == state.Timeline)))
            .OrderBy(n => nodes[n.Region].Role == NodeRole.Primary).ThenByDescending(n => nodes[n.Region].LastMessageAt)];
    }
}
