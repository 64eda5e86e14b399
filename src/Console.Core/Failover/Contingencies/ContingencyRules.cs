using System.Collections.Immutable;
using NpgsqlTypes;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Failover.Contingencies;

/// <summary>Plans the loss of each region, and of each two. Pure: same facts, same plans.</summary>
public sealed class ContingencyRules(FailoverPlanner planner)
{
    /// <param name="facts">by cluster; never empty</param>
    public ContingencyReport Report(IReadOnlyDictionary<string, PreflightFacts> facts)
    {
        var any = facts.Values.First();
        var serving = any.Fleet.RegionsByPriority.Where(r => any.Picture.Regions.GetValueOrDefault(r.Id)?.Status is HealthStatus.Healthy or HealthStatus.Degraded).ToList();
        var load = facts.Values.Select(f => f.LoadRps).FirstOrDefault(l => l is not null);
        return new ContingencyReport(any.Now, [.. Losses(serving).Select(lost => Judge(lost, serving, load, facts))]);
    }

    /// <summary>Every single region, then every two. A region that does not serve is lost already, in every case.</summary>
    private static IEnumerable<ImmutableArray<string>> Losses(IReadOnlyList<RegionOptions> serving) =>
        serving.Select(r => ImmutableArray.Create(r.Id)).Concat(serving.SelectMany((first, i) => serving.Skip(i + 1).Select(second => ImmutableArray.Create(first.Id, second.Id))));

    private Contingency Judge(ImmutableArray<string> lost, IReadOnlyList<RegionOptions> serving, double? load, IReadOnlyDictionary<string, PreflightFacts> facts)
    {
        var remaining = serving.Where(r => !lost.Contains(r.Id)).Sum(r => r.CapacityRps);
        return new Contingency(lost, remaining, load, load is { } known ? known <= remaining : null, [.. facts.Select(f => Judge(f.Key, lost, f.Value))]);
    }

    private ClusterContingency Judge(string id, ImmutableArray<string> lost, PreflightFacts facts)
    {
        var cluster = facts.Fleet.Clusters[id];
        var state = facts.Picture.Clusters.GetValueOrDefault(id);
        var source = state?.PrimaryRegion ?? cluster.PrimaryRegion;
        var left = Standbys(state, lost, source);
        if (!lost.Contains(source)) return Elsewhere(cluster, source, left);
        var imagined = facts with { Picture = Without(facts.Picture, lost), RunningOperation = null };
        var candidates = left.Where(n => Allowed(facts.Fleet, cluster, n.Region)).ToList();
        if (candidates.Count == 0)
        {
            return new ClusterContingency(id, ContingencyAnswer.NoTarget, null, null,
                [left.Count == 0 ? $"No standby in reach remains without {string.Join(" and ", lost)}." : $"What remains lies outside the zones that the data is bound to ({string.Join(", ", cluster.ComplianceZones)})."], null, [], null);
        }
        // As a failover chooses: most log, then priority.
        var target = candidates.OrderByDescending(n => Position(n.Lsn)).ThenBy(n => facts.Fleet.Regions[n.Region].Priority).First();
        var first = new FailoverRequest(id, source, target.Region, FailoverStrategy.Immediate, Planned: false, FailoverScope.Full, [], []);
        var checks = FailoverPreflight.Evaluate(first, imagined);
        var lag = checks.First(c => c.Id == "lag-within-rpo").Verdict != Operations.CheckVerdict.Blocking;
        var advice = StrategyAdvisor.Recommend(new Situation(SourceServes: false, TargetHealthy: facts.Picture.Regions[target.Region].Status == HealthStatus.Healthy, lag, MajorUpdate: false, CausesKnown: true));
        var request = first with { Strategy = advice.Strategy };
        return new ClusterContingency(id, ContingencyAnswer.FailOver, target.Region, advice.Strategy,
            [TargetReason(target, candidates, facts.Fleet), .. advice.Reasons, .. Confirmations(cluster, left.Count - 1)], planner.Build(request), [.. checks], FailoverEstimate.Of(request, imagined));
    }

    private static ClusterContingency Elsewhere(ClusterOptions cluster, string source, List<ClusterNodeState> left)
    {
        var waits = left.Count < cluster.SynchronousStandbys;
        return new ClusterContingency(cluster.Id, waits ? ContingencyAnswer.WritesWait : ContingencyAnswer.GoesOn, null, null,
            [waits ? $"The primary in {source} stays, but {left.Count} of {cluster.SynchronousStandbys} standbys that must confirm a commit remain: writes wait until one is back." : $"The primary in {source} stays; {left.Count} standbys remain."], null, [], null);
    }

    private static string TargetReason(ClusterNodeState target, List<ClusterNodeState> candidates, FleetModel fleet) => candidates.Count == 1
        ? $"{target.Region} is the only standby that remains."
        : candidates.Any(c => Position(c.Lsn) < Position(target.Lsn)) ? $"{target.Region} has received the most of the log." : $"{target.Region} has the best priority ({fleet.Regions[target.Region].Priority}) among equals.";

    private static IEnumerable<string> Confirmations(ClusterOptions cluster, int standbys)
    {
        if (standbys < cluster.SynchronousStandbys)
            yield return $"Afterwards {standbys} of {cluster.SynchronousStandbys} standbys confirm commits, until more are back.";
    }

    private static List<ClusterNodeState> Standbys(ClusterState? state, ImmutableArray<string> lost, string source) =>
        [.. (state?.Nodes ?? []).Where(n => n.Region != source && !lost.Contains(n.Region) && n is { Reachable: true, Role: NodeRole.Standby })];

    private static bool Allowed(FleetModel fleet, ClusterOptions cluster, string region) =>
        cluster.ComplianceZones.Count == 0 || fleet.Regions[region].ComplianceZones.Intersect(cluster.ComplianceZones).Any();

    private static ulong Position(string? lsn) => lsn is not null && NpgsqlLogSequenceNumber.TryParse(lsn, out var position) ? (ulong)position : 0;

    /// <summary>The picture as it would be: nodes of the lost regions silent, nobody primary when theirs was.</summary>
    private static FleetSnapshot Without(FleetSnapshot picture, ImmutableArray<string> lost)
    {
        var clusters = picture.Clusters.SetItems(picture.Clusters.Values.Select(c => KeyValuePair.Create(c.Id, c with
        {
            PrimaryRegion = c.PrimaryRegion is { } primary && lost.Contains(primary) ? null : c.PrimaryRegion,
            WriteAvailable = c.PrimaryRegion is { } here && lost.Contains(here) ? false : c.WriteAvailable,
            Nodes = [.. c.Nodes.Select(n => lost.Contains(n.Region) ? n with { Reachable = false } : n)],
        })));
        var regions = picture.Regions.SetItems(picture.Regions.Values.Where(r => lost.Contains(r.Id)).Select(r => KeyValuePair.Create(r.Id, r with { Status = HealthStatus.Failed, Reason = "lost in this case" })));
        return picture with { Clusters = clusters, Regions = regions };
    }
}
