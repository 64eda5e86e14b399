using System.Globalization;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Failover;

/// <summary>The rules of FO-2. Pure: same facts, same verdicts. What is unknown never passes.</summary>
public static class FailoverPreflight
{
    /// <summary>The picture may be this old at most. 5 s: five probe intervals of an automatic cluster.</summary>
    public static readonly TimeSpan MaximumAge = TimeSpan.FromSeconds(5);

    /// <summary>A backup older than this is a warning: the full backup's daily interval and an hour (BA-1).</summary>
    public static readonly TimeSpan BackupAge = TimeSpan.FromHours(25);

    /// <summary>Clocks may differ by this much before times in logs and certificates mislead.</summary>
    public const double ClockSkewLimitSeconds = 1;

    /// <summary>The check that is overridden by whoever accepts a loss.</summary>
    public const string NoLoss = "no-loss";

    /// <summary>Every check that may be overridden, by name. Not among them: that an accepted loss stays within its bound.</summary>
    public static IReadOnlyList<string> Ids { get; } =
    [
        "picture-fresh", "target-healthy", "source-is-primary", "source-healthy", "lag-within-rpo", "no-loss", "witness-quorum", "capacity-n-1", "compliance-zones", "backups-fresh",
        "no-other-operation", "maintenance", "clock-skew", "traffic-managers", "console-outside-source", "source-has-traffic",
    ];

    /// <param name="database">false: only traffic moves, and where the primary is does not matter</param>
    public static IReadOnlyList<PreflightCheck> Evaluate(FailoverRequest request, PreflightFacts facts, bool database = true)
    {
        var cluster = facts.Fleet.Clusters[request.Cluster];
        var state = facts.Picture.Clusters.GetValueOrDefault(request.Cluster);
        if (!database)
            return [Fresh(state, facts), RegionHealthy(request, facts), Capacity(request, facts), Compliance(request, facts), Exclusive(facts), Automation(facts), TrafficManagers(facts), .. Shares(request, facts)];
        return
        [
            Fresh(state, facts),
            TargetHealthy(request, facts, state),
            SourceIsPrimary(request, state),
            SourceHealthy(request, state),
            Lag(request, facts),
            Loss(request, cluster, state, InForce(request, facts)),
            .. Bounded(request, facts),
            Witnesses(request, cluster, state),
            Capacity(request, facts),
            Compliance(request, facts),
            Backups(facts),
            Exclusive(facts),
            Automation(facts),
            Clocks(facts),
            TrafficManagers(facts),
            ConsoleSite(request, facts),
            .. Shares(request, facts),
        ];
    }

    private static PreflightCheck Fresh(ClusterState? state, PreflightFacts facts)
    {
        var newest = state?.Nodes.Max(n => n.LastSampleAt);
        if (newest is null) return Block("picture-fresh", "unknown", Seconds(MaximumAge.TotalSeconds), "Nothing was measured of this cluster yet. Check that the observer runs and reaches the nodes.");
        var age = (facts.Now - newest.Value).TotalSeconds;
        return age <= MaximumAge.TotalSeconds
            ? Pass("picture-fresh", Seconds(age), Seconds(MaximumAge.TotalSeconds), "The picture is current.")
            : Block("picture-fresh", Seconds(age), Seconds(MaximumAge.TotalSeconds), "The picture is old: restore the console's sight of the cluster first.");
    }

    private static PreflightCheck TargetHealthy(FailoverRequest request, PreflightFacts facts, ClusterState? state)
    {
        var node = Node(state, request.Target);
        if (node is not { Reachable: true, Role: NodeRole.Standby })
            return Block("target-healthy", node is null ? "unknown" : node.Reachable ? $"role {node.Role}" : "unreachable", "reachable standby", $"{request.Target} has no reachable standby. Bring its database back or choose another target.");
        return RegionHealthy(request, facts);
    }

    /// <summary>Whether a move that is under way may turn round.</summary>
    public static PreflightCheck WayBack(string source, PreflightFacts facts) => facts.Picture.Regions.GetValueOrDefault(source) is { } region && HealthWatch.IsBad(region.Status)
        ? Block("way-back", region.Status.ToString().ToLowerInvariant(), "healthy or degraded", $"{source}, where it would go back to, is {region.Status.ToString().ToLowerInvariant()}: {region.Reason}.")
        : Pass("way-back", facts.Picture.Regions.GetValueOrDefault(source)?.Status.ToString().ToLowerInvariant() ?? "unknown", "healthy or degraded", $"Nothing is known that speaks against {source}.");

    private static PreflightCheck RegionHealthy(FailoverRequest request, PreflightFacts facts)
    {
        var region = facts.Picture.Regions.GetValueOrDefault(request.Target);
        return region?.Status switch
        {
            HealthStatus.Healthy => Pass("target-healthy", "healthy", "healthy", $"{request.Target} is healthy."),
            HealthStatus.Degraded => Warn("target-healthy", "degraded", "healthy", $"{request.Target} is degraded: {region.Reason}"),
            null or HealthStatus.Unknown => Block("target-healthy", "unknown", "healthy", $"The state of {request.Target} is unknown. Wait for samples or mend its probes."),
            var status => Block("target-healthy", status.Value.ToString().ToLowerInvariant(), "healthy", $"{request.Target}: {region.Reason}"),
        };
    }

    private static PreflightCheck SourceIsPrimary(FailoverRequest request, ClusterState? state)
    {
        if (request.Source == request.Target) return Block("source-is-primary", request.Source, "another region", "Source and target are the same region. Choose another target.");
        var primary = state?.PrimaryRegion;
        if (primary == request.Source) return Pass("source-is-primary", primary, request.Source, $"{request.Source} holds the primary.");
        // In an unplanned failover the source may be gone; then nobody else may be primary.
        if (primary is null && !request.Planned) return Warn("source-is-primary", "no primary seen", request.Source, $"No primary is seen. {request.Source} was named as the one that is lost.");
        return Block("source-is-primary", primary ?? "no primary seen", request.Source, primary is null ? "A switchover needs a living primary. Plan a failover instead." : $"The primary is in {primary}. Ask for a move from there.");
    }

    private static PreflightCheck SourceHealthy(FailoverRequest request, ClusterState? state)
    {
        var node = Node(state, request.Source);
        var accepts = node is { Reachable: true, Role: NodeRole.Primary } && state?.WriteAvailable != false;
        if (request.Planned)
        {
            return accepts
                ? Pass("source-healthy", "reachable, accepts writes", "accepts writes", "The source is alive: nothing will be lost.")
                : Block("source-healthy", node is { Reachable: true } ? "does not accept writes" : "unreachable", "accepts writes", "A switchover needs a living source. Plan a failover (not planned) instead.");
        }
        return accepts
            ? Warn("source-healthy", "reachable, accepts writes", "lost", "The source is alive: a planned switchover would lose nothing and pause writes for less.")
            : Pass("source-healthy", node is { Reachable: true } ? "does not accept writes" : "unreachable", "lost", "The source does not serve: a failover is the right move.");
    }

    private static PreflightCheck Lag(FailoverRequest request, PreflightFacts facts)
    {
        var rpo = facts.RpoTargetSeconds;
        if (!request.Planned && IsLossless(request, facts.Fleet.Clusters[request.Cluster], facts.Picture.Clusters.GetValueOrDefault(request.Cluster), InForce(request, facts)))
            return Pass("lag-within-rpo", "0 s by quorum commit", Seconds(rpo), "Every acknowledged row is on the most advanced standby in reach.");
        var link = facts.Picture.Links.GetValueOrDefault(LinkState.KeyOf(request.Cluster, request.Source, request.Target));
        var lag = link?.HeartbeatLagSeconds ?? link?.LagSeconds;
        if (lag is null)
            return Block("lag-within-rpo", "unknown", Seconds(rpo), $"The lag of {request.Target} is unknown. Restore the replication link, or override with two approvers.");
        return lag <= rpo
            ? Pass("lag-within-rpo", Seconds(lag.Value), Seconds(rpo), "The target is within the recovery point objective.")
            : Block("lag-within-rpo", Seconds(lag.Value), Seconds(rpo), "The target lags by more than the recovery point objective. Wait, choose another target, or override with two approvers.");
    }

    /// <summary>Who accepted a loss accepted no more than this.</summary>
    private static IEnumerable<PreflightCheck> Bounded(FailoverRequest request, PreflightFacts facts)
    {
        if (request.MaxLostBytes is not { } most) yield break;
        var limit = string.Create(CultureInfo.InvariantCulture, $"{most} bytes");
        if (IsLossless(request, facts.Fleet.Clusters[request.Cluster], facts.Picture.Clusters.GetValueOrDefault(request.Cluster), InForce(request, facts))) yield return Pass("loss-within-bound", "0 bytes", limit, "Every acknowledged row is on the most advanced standby in reach.");
        else if (FailoverEstimate.PossibleLoss(request, facts) is not { } lost) yield return Block("loss-within-bound", "unknown", limit, "How much would be lost is not known. Ask without a bound to accept that.");
        else if (lost <= most) yield return Pass("loss-within-bound", string.Create(CultureInfo.InvariantCulture, $"{lost} bytes"), limit, "The loss is within what is accepted.");
        else yield return Block("loss-within-bound", string.Create(CultureInfo.InvariantCulture, $"{lost} bytes"), limit, "More would be lost than is accepted. Bring a standby back that holds more, or ask for a higher bound.");
    }

    /// <summary>With <c>ANY k</c> of N standbys, promoting the most advanced of N-k+1 that are in reach loses no acknowledged row.</summary>
    private static PreflightCheck Loss(FailoverRequest request, ClusterOptions cluster, ClusterState? state, int? inForce)
    {
        if (request.Planned) return Pass("no-loss", "0 rows", "0 rows", "A switchover ships the last WAL before it promotes.");
        var standbys = cluster.Nodes.Count - 1;
        var needed = Steps.LossRule.StandbysNeeded(cluster, inForce);
        var reachable = state?.Nodes.Count(n => n.Region != request.Source && n is { Reachable: true, Role: NodeRole.Standby }) ?? 0;
        if (needed > standbys)
            return Block("no-loss", "asynchronous", "synchronous", "Commits are not confirmed by standbys: acknowledged rows may be lost. Override with two approvers to accept the loss.");
        return reachable >= needed
            ? Pass("no-loss", $"{reachable} standbys in reach", $"{needed} of {standbys}", "Every acknowledged row is on the most advanced standby in reach.")
            : Block("no-loss", $"{reachable} standbys in reach", $"{needed} of {standbys}", $"Acknowledged rows may be lost. Bring {needed - reachable} more standby within reach, or override with two approvers to accept the loss.");
    }

    internal static bool IsLossless(FailoverRequest request, ClusterOptions cluster, ClusterState? state, int? inForce) =>
        state?.Nodes.Count(n => n.Region != request.Source && n is { Reachable: true, Role: NodeRole.Standby }) >= Steps.LossRule.StandbysNeeded(cluster, inForce);

    private static int? InForce(FailoverRequest request, PreflightFacts facts) => facts.ConfirmationsInForce.GetValueOrDefault(request.Source);

    private static PreflightCheck Witnesses(FailoverRequest request, ClusterOptions cluster, ClusterState? state)
    {
        var observers = cluster.Nodes.Count - 1;
        var majority = observers / 2 + 1;
        var reachable = state?.Nodes.Count(n => n.Region != request.Source && n.Reachable) ?? 0;
        return reachable >= majority
            ? Pass("witness-quorum", $"{reachable} of {observers}", $"{majority} of {observers}", "A majority of the standbys is in reach.")
            : Block("witness-quorum", $"{reachable} of {observers}", $"{majority} of {observers}", "Too few standbys are in reach to tell a lost primary from a lost console. Restore the console's network first.");
    }

    private static PreflightCheck Capacity(FailoverRequest request, PreflightFacts facts)
    {
        var remaining = facts.Fleet.Options.Regions
            .Where(r => r.Id != request.Source && facts.Picture.Regions.GetValueOrDefault(r.Id)?.Status is HealthStatus.Healthy or HealthStatus.Degraded)
            .Sum(r => r.CapacityRps);
        if (facts.LoadRps is not { } load)
            return Warn("capacity-n-1", "load unknown", Rps(remaining), "The load is not measured: check the traffic manager before relying on the target.");
        return load <= remaining
            ? Pass("capacity-n-1", Rps(load), Rps(remaining), $"The remaining regions carry the load without {request.Source}.")
            : Block("capacity-n-1", Rps(load), Rps(remaining), $"Without {request.Source} the load exceeds the capacity. Scale {request.Target} up, or override with two approvers.");
    }

    private static PreflightCheck Compliance(FailoverRequest request, PreflightFacts facts)
    {
        var allowed = facts.Fleet.Clusters[request.Cluster].ComplianceZones;
        var zones = facts.Fleet.Regions[request.Target].ComplianceZones;
        if (allowed.Count == 0) return Pass("compliance-zones", string.Join(", ", zones), "any", "The data is bound to no zone.");
        return zones.Intersect(allowed).Any()
            ? Pass("compliance-zones", string.Join(", ", zones), string.Join(", ", allowed), "The target lies within the zones that the data is bound to.")
            : Block("compliance-zones", string.Join(", ", zones), string.Join(", ", allowed), $"{request.Target} lies outside the zones that the data is bound to. Choose a target inside.");
    }

    private static PreflightCheck Backups(PreflightFacts facts)
    {
        if (facts.NewestBackupAt is not { } newest) return Warn("backups-fresh", "no backup known", Seconds(BackupAge.TotalSeconds), "No backup of this cluster is known to the console.");
        var age = facts.Now - newest;
        return age <= BackupAge
            ? Pass("backups-fresh", Seconds(age.TotalSeconds), Seconds(BackupAge.TotalSeconds), "The newest backup is fresh.")
            : Warn("backups-fresh", Seconds(age.TotalSeconds), Seconds(BackupAge.TotalSeconds), "The newest backup is old: take one when the move is done.");
    }

    private static PreflightCheck Exclusive(PreflightFacts facts) => facts.RunningOperation is { } running
        ? Block("no-other-operation", running, "none", "Another operation holds this cluster. Wait for it or cancel it.")
        : Pass("no-other-operation", "none", "none", "No other operation holds this cluster.");

    private static PreflightCheck Automation(PreflightFacts facts) => facts.MaintenanceReason is { } reason
        ? Warn("maintenance", reason, "none", "Maintenance covers this cluster: agree with its owner before you act.")
        : Pass("maintenance", "none", "none", "No maintenance covers this cluster.");

    private static PreflightCheck Clocks(PreflightFacts facts) => facts.ClockSkewSeconds switch
    {
        null => Warn("clock-skew", "unknown", Seconds(ClockSkewLimitSeconds), "The nodes' clocks were not compared."),
        var skew when Math.Abs(skew.Value) <= ClockSkewLimitSeconds => Pass("clock-skew", Seconds(skew.Value), Seconds(ClockSkewLimitSeconds), "Clocks agree."),
        var skew => Warn("clock-skew", Seconds(skew.Value), Seconds(ClockSkewLimitSeconds), "Clocks differ: measured lags and times in logs mislead. Check time synchronisation."),
    };

    private static PreflightCheck TrafficManagers(PreflightFacts facts) => facts.UnreachableTrafficManagers.Count == 0
        ? Pass("traffic-managers", $"{facts.Fleet.Options.TrafficManagers.Count} answer", "all", "Every traffic manager answers.")
        : Block("traffic-managers", $"no answer: {string.Join(", ", facts.UnreachableTrafficManagers)}", "all", "Clients cannot be cut off or moved without it. Bring it back first.");

    /// <summary>The shares of a move are shares of the source's. Said only where there are none: a watch would wait for requests that never come.</summary>
    private static IEnumerable<PreflightCheck> Shares(FailoverRequest request, PreflightFacts facts)
    {
        if (facts.Weights is not { } weights || !weights.TryGetValue(request.Source, out var weight) || weight > 0 || weights.Values.All(w => w <= 0)) yield break;
        yield return Warn("source-has-traffic", "weight 0", "a share", $"No HTTP traffic goes to {request.Source}, so none moves to {request.Target}; {string.Join(", ", weights.Where(w => w.Value > 0).Select(w => w.Key).Order(StringComparer.Ordinal))} keep theirs. "
            + "Choose immediate: a watch between shifts would find no requests and take the move back.");
    }

    private static PreflightCheck ConsoleSite(FailoverRequest request, PreflightFacts facts) => facts.ConsoleStateRegion == request.Source && request.Source.Length > 0
        ? Block("console-outside-source", facts.ConsoleStateRegion, "another site", "The console's own database lies in the region that is left. Move it out first.")
        : Pass("console-outside-source", facts.ConsoleStateRegion.Length == 0 ? "own site" : facts.ConsoleStateRegion, "another site", "The console does not depend on the region that is left.");

    private static ClusterNodeState? Node(ClusterState? state, string region) => state?.Nodes.FirstOrDefault(n => n.Region == region);

    private static PreflightCheck Pass(string id, string measured, string limit, string message) => new(id, CheckVerdict.Passed, measured, limit, message);
    private static PreflightCheck Warn(string id, string measured, string limit, string message) => new(id, CheckVerdict.Warning, measured, limit, message);
    private static PreflightCheck Block(string id, string measured, string limit, string message) => new(id, CheckVerdict.Blocking, measured, limit, message);

    private static string Seconds(double seconds) => seconds switch
    {
        < 600 => FormattableString.Invariant($"{seconds:0.###} s"),
        < 7200 => FormattableString.Invariant($"{seconds / 60:0.#} min"),
        _ => FormattableString.Invariant($"{seconds / 3600:0.#} h"),
    };
    private static string Rps(double value) => string.Create(CultureInfo.InvariantCulture, $"{value:0.#} requests/s");
}
