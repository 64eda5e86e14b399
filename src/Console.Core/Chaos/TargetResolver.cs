using System.Globalization;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Chaos;

/// <summary>Finds an experiment's targets in the fleet as it is: the same fleet with the same roles gives the same targets in the same order. The
/// least important come first: the last region by priority.</summary>
public sealed class TargetResolver(FleetModel fleet, IFleetFeed feed, INetworkMap network, ChaosOptions options)
{
    public async Task<ResolvedTargets> ResolveAsync(TargetRule rule, CancellationToken cancel)
    {
        var pool = await PoolAsync(rule, cancel);
        var allowed = pool.Where(Allows).ToList();
        var chosen = allowed.Take(CountOf(rule.Count, pool.Count)).ToList();
        return new ResolvedTargets(pool, chosen, $"{chosen.Count} of {pool.Count} {Words(rule)}");
    }

    /// <summary>Whether the allow list has an entry for the target. A star stands for anything.</summary>
    public bool Allows(string target)
    {
        if (options.AllowList is not { } list) return fleet.Options.Environment == FleetEnvironment.Development;
        return list.Any(entry => Matches(entry, target) || Covers(target).Any(c => Matches(entry, c)));
    }

    /// <summary>Percentages round up, and at least one is meant.</summary>
    public static int CountOf(string count, int pool) => pool == 0 ? 0 : count switch
    {
        "all" => pool,
        _ when count.EndsWith('%') => Math.Clamp((int)Math.Ceiling(pool * double.Parse(count[..^1], CultureInfo.InvariantCulture) / 100), 1, pool),
        _ => Math.Clamp(int.Parse(count, CultureInfo.InvariantCulture), 1, pool),
    };

    public static bool IsCount(string count) => count == "all"
        || (count.EndsWith('%') ? double.TryParse(count[..^1], NumberStyles.Float, CultureInfo.InvariantCulture, out var share) && share is > 0 and <= 100
            : int.TryParse(count, NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number > 0);

    /// <summary>Regions that a target lies in or touches.</summary>
    public IEnumerable<string> RegionsOf(string target)
    {
        var id = target[(target.IndexOf(':', StringComparison.Ordinal) + 1)..];
        if (target.StartsWith("region:", StringComparison.Ordinal)) return [id];
        if (target.StartsWith("service:", StringComparison.Ordinal)) return fleet.Services.TryGetValue(id, out var service) ? [service.Region] : [];
        if (target.StartsWith("node:", StringComparison.Ordinal)) return [id[(id.IndexOf('/', StringComparison.Ordinal) + 1)..]];
        if (NetworkLink.TryParse(target, out var link)) return new[] { link.From, link.To }.Where(fleet.Regions.ContainsKey);
        if (target.StartsWith("cluster:", StringComparison.Ordinal)) return fleet.Clusters.TryGetValue(id, out var cluster) ? cluster.Nodes.Select(n => n.Region) : [];
        return [];
    }

    /// <summary>Clusters that a target is part of: their failovers end the experiment first.</summary>
    public IEnumerable<string> ClustersOf(string target)
    {
        var regions = RegionsOf(target).ToHashSet();
        return fleet.Options.Clusters.Where(c => c.Nodes.Any(n => regions.Contains(n.Region))).Select(c => c.Id);
    }

    public string? PrimaryOf(string cluster) => feed.Current.Clusters.GetValueOrDefault(cluster)?.PrimaryRegion;

    private async Task<List<string>> PoolAsync(TargetRule rule, CancellationToken cancel) => rule.Pool switch
    {
        TargetPool.Region => [.. LeastFirst(fleet.Options.Regions.Select(r => r.Id)).Where(r => HasRole(r, rule.Role)).Select(r => $"region:{r}")],
        TargetPool.Service => [.. LeastFirst(fleet.Options.Services.Where(s => IsKind(s, rule.Kind) && HasRole(s.Region, rule.Role)), s => s.Region).Select(s => $"service:{s.Id}")],
        TargetPool.Standby => [.. Nodes(primary: false).Select(n => $"service:{n.Node.Service}")],
        TargetPool.Primary => [.. Nodes(primary: true).Select(n => $"service:{n.Node.Service}")],
        TargetPool.PrimaryNode => [.. Nodes(primary: true).Select(n => $"node:{n.Cluster.Id}/{n.Node.Region}")],
        TargetPool.Cluster => [.. fleet.Options.Clusters.Select(c => $"cluster:{c.Id}")],
        TargetPool.Named => [.. rule.Names],
        TargetPool.TrafficManager => [.. fleet.Options.TrafficManagers.Where(m => m.Kind == TrafficManagerKind.HaProxy).Select(m => $"trafficManager:{m.Id}")],
        _ => [.. LeastFirst((await network.LinksAsync(cancel)).Where(l => IsSite(l.From, rule.From) && IsSite(l.To, rule.To) && (rule.Service.Length == 0 || l.Service == rule.Service)),
            l => rule.From == "standby" ? l.From : l.To).Select(l => l.Target)],
    };

    private IEnumerable<(ClusterOptions Cluster, ClusterNodeOptions Node)> Nodes(bool primary) => fleet.Options.Clusters
        .SelectMany(c => LeastFirst(c.Nodes, n => n.Region).Where(n => primary == (Primary(c) == n.Region)).Select(n => (c, n)));

    /// <exception cref="RequestRefusedException">nobody knows which node it is</exception>
    private string Primary(ClusterOptions cluster) => PrimaryOf(cluster.Id)
        ?? throw new RequestRefusedException("primaryUnknown", $"Which node of {cluster.Id} is the primary is not known now: wait until the picture shows it.");

    private bool HasRole(string region, string role) => role switch
    {
        "primary" => fleet.Options.Clusters.Any(c => Primary(c) == region),
        "standby" => fleet.Options.Clusters.All(c => Primary(c) != region),
        _ => true,
    };

    private bool IsSite(string site, string wanted) => wanted switch
    {
        "*" => true,
        "primary" or "standby" => fleet.Regions.ContainsKey(site) && HasRole(site, wanted),
        _ => site == wanted,
    };

    private static bool IsKind(ServiceOptions service, string kind) => kind.Length == 0 || string.Equals(service.Kind.ToString(), kind, StringComparison.OrdinalIgnoreCase);

    private IEnumerable<string> LeastFirst(IEnumerable<string> regions) => LeastFirst(regions, r => r);

    private IEnumerable<T> LeastFirst<T>(IEnumerable<T> items, Func<T, string> region) =>
        items.OrderByDescending(i => fleet.Regions.TryGetValue(region(i), out var known) ? known.Priority : 0);

    /// <summary>A list that allows a region allows what lies in it.</summary>
    private IEnumerable<string> Covers(string target) => target.StartsWith("region:", StringComparison.Ordinal) || target.StartsWith("cluster:", StringComparison.Ordinal) || target.StartsWith("link:", StringComparison.Ordinal)
        ? [] : RegionsOf(target).Select(r => $"region:{r}");

    private static bool Matches(string pattern, string text)
    {
        var parts = pattern.Split('*');
        if (parts.Length == 1) return pattern == text;
        if (!text.StartsWith(parts[0], StringComparison.Ordinal) || text.Length < parts[0].Length + parts[^1].Length || !text.EndsWith(parts[^1], StringComparison.Ordinal)) return false;
        var at = parts[0].Length;
        foreach (var part in parts[1..^1])
        {
            var found = text.IndexOf(part, at, StringComparison.Ordinal);
            if (found < 0) return false;
            at = found + part.Length;
        }
        return at <= text.Length - parts[^1].Length;
    }

    private static string Words(TargetRule rule) => rule.Pool switch
    {
        TargetPool.Region => rule.Role == "*" ? "regions" : $"{rule.Role} regions",
        TargetPool.Service => $"{(rule.Kind.Length == 0 ? "" : rule.Kind + " ")}services{(rule.Role == "*" ? "" : $" in {rule.Role} regions")}",
        TargetPool.Standby => "standbys",
        TargetPool.Primary or TargetPool.PrimaryNode => "primaries",
        TargetPool.Cluster => "clusters",
        TargetPool.TrafficManager => "load balancers",
        TargetPool.Named => "named targets",
        _ => $"{(rule.Service.Length == 0 ? "" : rule.Service + " ")}links from {rule.From} to {rule.To}",
    };
}
