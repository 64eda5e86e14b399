using System.Collections.Immutable;
using OpsConsole.Core.Drivers.Postgres;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Replication;

/// <summary>What follows from a view: the cluster's part of the picture and its links.</summary>
public sealed record ClusterReading(
    HealthStatus Status, string? PrimaryRegion, int? Timeline, bool? WriteAvailable, DateTimeOffset? LastHeartbeatAt, double? WriteAvailabilityPercent, double? RpoSeconds,
    ImmutableArray<ClusterNodeState> Nodes, ImmutableArray<SlotState> Slots, ImmutableArray<string> Drift, string Reason, IReadOnlyList<LinkReading> Links);

/// <summary>From observations to a verdict. Pure: the same view gives the same reading.</summary>
public static class ClusterAssessment
{
    public static ClusterReading Assess(ClusterView view, ClusterOptions cluster, WalClock clock, ReplicationOptions limits)
    {
        var primaries = view.Primaries;
        var authority = view.Authority;
        var links = authority is null ? [] : cluster.Nodes.Where(n => n.Region != authority && !primaries.Contains(n.Region))
            .Select(n => LinkAssessment.Assess(view, cluster, SourceOf(view, cluster, n.Region, authority), n.Region, clock, limits)).ToList();
        var primary = Primary(view, primaries);
        var (status, reason) = Verdict(view, cluster, primaries, primary, links);
        return new ClusterReading(
            status, primary, authority is null ? null : view.Fresh(authority)?.Timeline, view.Heartbeat?.Available, view.Heartbeat?.LastAcknowledged?.At,
            view.Heartbeat?.AvailabilityPercent, RpoExposure.Seconds(view, authority),
            [.. cluster.Nodes.Select(n => Node(view, n.Region))],
            [.. cluster.Nodes.SelectMany(n => (view.Fresh(n.Region)?.Slots ?? []).Select(s => new SlotState(n.Region, s.Name, s.Active, s.RetainedBytes, s.WalStatus)))],
            Drift(view, cluster, primaries), reason, links);
    }

    // A standby may follow another standby.
    private static string SourceOf(ClusterView view, ClusterOptions cluster, string target, string authority) =>
        Sends(view, cluster, authority, target)
            ? authority
            : cluster.Nodes.Select(n => n.Region).FirstOrDefault(r => r != target && Sends(view, cluster, r, target)) ?? authority;

    private static bool Sends(ClusterView view, ClusterOptions cluster, string source, string target) =>
        view.Fresh(source)?.Senders.Any(s => LinkAssessment.IsNamed(s.ApplicationName, cluster, target)) == true;

    private static string? Primary(ClusterView view, IReadOnlyList<string> primaries) => primaries.Count switch
    {
        1 => primaries[0],
        0 when view.Heartbeat?.Available == true => view.LastPrimary, // out of the console's sight, but clients are served
        _ => null,
    };

    private static (HealthStatus, string) Verdict(ClusterView view, ClusterOptions cluster, IReadOnlyList<string> primaries, string? primary, List<LinkReading> links)
    {
        if (view.IsBlank)
            return (HealthStatus.Unknown, "not observed yet");
        if (primaries.Count > 1)
            return (HealthStatus.Critical, $"two primaries: {string.Join(" and ", primaries)}");
        if (primary is null)
            return (HealthStatus.Failed, NoPrimary(view));
        if (view.Heartbeat is { Available: false } writes)
            return (HealthStatus.Critical, $"writes are not acknowledged: {writes.Problem}");
        if (primaries.Count == 0)
            return (HealthStatus.Degraded, $"{primary} does not answer the console, but writes through the client endpoint are acknowledged");
        return Standbys(cluster, primary, links);
    }

    private static string NoPrimary(ClusterView view)
    {
        var reachable = view.Nodes.Keys.Where(r => view.Fresh(r) is not null).Order(StringComparer.Ordinal).ToList();
        var gone = view.LastPrimary is { } last && !reachable.Contains(last) ? $"{last} does not answer ({view.Nodes[last].Error ?? "stale"})" : null;
        return reachable.Count == 0 ? "no node answers" : gone is null ? $"no primary: {string.Join(", ", reachable)} are standbys" : $"no primary: {gone}";
    }

    private static (HealthStatus, string) Standbys(ClusterOptions cluster, string primary, List<LinkReading> links)
    {
        var streaming = links.Count(l => l.State == "streaming");
        if (links.Count > 0 && streaming == 0)
            return (HealthStatus.Critical, "no standby is streaming: nothing could take over");
        if (streaming < cluster.SynchronousStandbys)
            return (HealthStatus.Critical, $"{streaming} of {cluster.SynchronousStandbys} synchronous standbys are streaming");
        var bad = links.Where(l => l.Status != HealthStatus.Healthy).ToList();
        return bad.Count == 0
            ? (HealthStatus.Healthy, $"primary {primary}, {streaming} of {links.Count} standbys streaming")
            : (HealthStatus.Degraded, string.Join("; ", bad.Select(l => $"{l.Target}: {l.Reason}")));
    }

    private static ClusterNodeState Node(ClusterView view, string region)
    {
        if (!view.Nodes.TryGetValue(region, out var reading))
            return new ClusterNodeState(region, NodeRole.Unknown, false, null, null, null, null, null, null);
        var seen = view.Fresh(region);
        return new ClusterNodeState(
            region, seen is null ? NodeRole.Unknown : seen.InRecovery ? NodeRole.Standby : NodeRole.Primary, seen is not null, seen?.Timeline, seen?.Position?.ToString(),
            seen is { InRecovery: true } ? seen.Receiver?.Status : null, seen is { InRecovery: true } ? seen.Receiver?.LastMessageAt : null, reading.ObservedAt,
            seen is null ? reading.Error ?? "no recent answer" : null);
    }

    private static ImmutableArray<string> Drift(ClusterView view, ClusterOptions cluster, IReadOnlyList<string> primaries)
    {
        var drift = ImmutableArray.CreateBuilder<string>();
        if (primaries.Count > 1)
            drift.Add($"Two primaries: {string.Join(" and ", primaries)}; declared is {cluster.PrimaryRegion}.");
        else if (primaries.Count == 1 && primaries[0] != cluster.PrimaryRegion)
            drift.Add($"The primary is {primaries[0]}; declared is {cluster.PrimaryRegion}.");
        foreach (var node in cluster.Nodes.Where(n => view.Nodes.TryGetValue(n.Region, out var reading) && (reading.Error is not null || reading.ObservedAt is not null) && !reading.IsReachable(view.Now)))
            drift.Add($"The node in {node.Region} is declared but does not answer.");
        foreach (var primary in primaries.Take(1))
        {
            foreach (var stranger in view.Fresh(primary)!.Senders.Where(s => s.State is "streaming" or "catchup" && s.ApplicationName != WalConnection.Application && !cluster.Nodes.Exists(n => LinkAssessment.IsNamed(s.ApplicationName, cluster, n.Region))))
                drift.Add($"A standby \"{stranger.ApplicationName}\" that is not declared follows {primary}.");
            if (cluster.SynchronousStandbys > 0 && view.Fresh(primary)!.SynchronousStandbyNames.Length == 0)
                drift.Add($"{cluster.SynchronousStandbys} synchronous standbys are declared, but {primary} waits for none.");
        }
        return drift.ToImmutable();
    }
}
