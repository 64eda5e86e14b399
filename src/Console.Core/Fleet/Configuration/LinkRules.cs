namespace OpsConsole.Core.Fleet.Configuration;

internal static class LinkRules
{
    public static void Check(FleetOptions fleet, Mistakes mistakes)
    {
        foreach (var link in fleet.Links)
            Check(link, fleet, mistakes);
        mistakes.Unique(fleet.Links, nameof(LinkOptions.Target), l => $"{l.Cluster}:{l.Source}>{l.Target}", "the link");
        foreach (var cluster in fleet.Clusters)
            EveryPair(cluster, fleet, mistakes);
    }

    private static void Check(LinkOptions link, FleetOptions fleet, Mistakes mistakes)
    {
        var known = mistakes.Refers(link, nameof(link.Cluster), link.Cluster, fleet.Clusters.Select(c => c.Id), "cluster");
        foreach (var (property, region) in new[] { (nameof(link.Source), link.Source), (nameof(link.Target), link.Target) })
            if (mistakes.Refers(link, property, region, fleet.Regions.Select(r => r.Id), "region") && known && !NodeRegions(fleet, link.Cluster).Contains(region))
                mistakes.Add(link, property, $"the cluster {link.Cluster} has no node in {region}", "Link regions that have a node of the cluster.");
        if (link.Source.Length > 0 && link.Source == link.Target)
            mistakes.Add(link, nameof(link.Target), $"the link leads from {link.Source} to itself", "Name two different regions.");
    }

    /// <summary>After a role change any node may have to follow any other, so each ordered pair needs an address.</summary>
    private static void EveryPair(ClusterOptions cluster, FleetOptions fleet, Mistakes mistakes)
    {
        var regions = cluster.Nodes.Select(n => n.Region).Where(r => r.Length > 0).Distinct().ToList();
        foreach (var source in regions)
            foreach (var target in regions.Where(t => t != source))
                if (!fleet.Links.Exists(l => l.Cluster == cluster.Id && l.Source == source && l.Target == target))
                    mistakes.Add(fleet, nameof(fleet.Links), $"the link of {cluster.Id} from {source} to {target} is missing", $"Add {{\"Cluster\": \"{cluster.Id}\", \"Source\": \"{source}\", \"Target\": \"{target}\", \"Address\": \"host:port of {source} as {target} reaches it\"}}.");
    }

    private static IEnumerable<string> NodeRegions(FleetOptions fleet, string cluster) =>
        fleet.Clusters.Where(c => c.Id == cluster).SelectMany(c => c.Nodes).Select(n => n.Region);
}
