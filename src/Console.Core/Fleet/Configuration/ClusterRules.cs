namespace OpsConsole.Core.Fleet.Configuration;

internal static class ClusterRules
{
    public static void Check(FleetOptions fleet, Mistakes mistakes)
    {
        mistakes.Unique(fleet.Clusters, nameof(ClusterOptions.Id), c => c.Id, "the id");
        mistakes.Unique(fleet.Clusters.SelectMany(c => c.Nodes), nameof(ClusterNodeOptions.Address), n => n.Address, "the address");
        mistakes.Unique(fleet.Clusters.SelectMany(c => c.Nodes), nameof(ClusterNodeOptions.Service), n => n.Service, "the service");
        var regions = fleet.Regions.Select(r => r.Id).ToList();
        foreach (var cluster in fleet.Clusters)
        {
            Check(cluster, regions, mistakes);
            CheckZones(cluster, fleet, mistakes);
            foreach (var node in cluster.Nodes)
                Check(node, regions, fleet, mistakes);
        }
    }

    private static void Check(ClusterOptions cluster, List<string> regions, Mistakes mistakes)
    {
        if (cluster.Nodes.Count == 0)
            mistakes.Add(cluster, nameof(cluster.Nodes), "the cluster has no node", "Declare a node for each region that holds the data.");
        if (cluster.Driver == ClusterDriver.Rds)
            mistakes.Add(cluster, nameof(cluster.Driver), "the driver rds is not part of this version", "Use postgres, or take the cluster out.");
        mistakes.Unique(cluster.Nodes, nameof(ClusterNodeOptions.Region), n => n.Region, "the region");
        mistakes.Unique(cluster.Nodes, nameof(ClusterNodeOptions.ApplicationName), n => n.ApplicationName, "the application name");
        if (mistakes.Refers(cluster, nameof(cluster.PrimaryRegion), cluster.PrimaryRegion, regions, "region") && cluster.Nodes.TrueForAll(n => n.Region != cluster.PrimaryRegion))
            mistakes.Add(cluster, nameof(cluster.PrimaryRegion), $"the cluster has no node in {cluster.PrimaryRegion}", "Name the region of one of its nodes.");
        var standbys = Math.Max(0, cluster.Nodes.Count - 1);
        if (cluster.SynchronousStandbys > standbys)
            mistakes.Add(cluster, nameof(cluster.SynchronousStandbys), $"{cluster.SynchronousStandbys} standbys must confirm a commit, but there are {standbys}: no write would ever return", $"Give 0 to {Math.Max(0, standbys - 1)}.");
        else if (cluster.SynchronousStandbys > 0 && cluster.SynchronousStandbys == standbys)
            mistakes.Add(cluster, nameof(cluster.SynchronousStandbys), $"all {standbys} standbys must confirm a commit: the loss of any one would stop all writes", $"Give 0 to {standbys - 1}, or add a standby.");
        if (cluster.Heartbeat.Enabled && cluster.WriteEndpoint.Length == 0)
            mistakes.Add(cluster, nameof(cluster.WriteEndpoint), "is missing: heartbeats are written through it", "Add host:port of the endpoint that clients write through, or set Heartbeat:Enabled to false.");
        if (cluster.Nodes.Exists(n => n.Address == cluster.WriteEndpoint && n.Address.Length > 0) && cluster.Nodes.Count > 1)
            mistakes.Add(cluster, nameof(cluster.WriteEndpoint), $"{cluster.WriteEndpoint} is the address of a single node, so writes could not follow the primary", "Name the pooler or proxy in front of the nodes.");
        if (cluster.RpoSeconds is { } rpo && cluster.Heartbeat.Enabled && rpo > 0 && rpo < cluster.Heartbeat.IntervalSeconds)
            mistakes.Add(cluster, nameof(cluster.RpoSeconds), "the target is shorter than the interval of the heartbeats that measure it", "Raise the target, or shorten Heartbeat:IntervalSeconds.");
    }

    private static void CheckZones(ClusterOptions cluster, FleetOptions fleet, Mistakes mistakes)
    {
        var primary = fleet.Regions.Find(r => r.Id == cluster.PrimaryRegion);
        if (cluster.ComplianceZones.Count > 0 && primary is not null && !primary.ComplianceZones.Intersect(cluster.ComplianceZones, StringComparer.OrdinalIgnoreCase).Any())
            mistakes.Add(cluster, nameof(cluster.ComplianceZones), $"the data is bound to {string.Join(", ", cluster.ComplianceZones)}, but its primary region {primary.Id} lies in none of these zones", "Correct the zones of the cluster or of the region, or declare another primary region.");
    }

    private static void Check(ClusterNodeOptions node, List<string> regions, FleetOptions fleet, Mistakes mistakes)
    {
        mistakes.Refers(node, nameof(node.Region), node.Region, regions, "region");
        if (!mistakes.Refers(node, nameof(node.Service), node.Service, fleet.Services.Select(s => s.Id), "service"))
            return;
        var service = fleet.Services.First(s => s.Id == node.Service);
        if (service.Kind != ServiceKind.Database)
            mistakes.Add(node, nameof(node.Service), $"{service.Id} is of kind {service.Kind.ToString().ToLowerInvariant()}, not a database", "Name a service of kind database.");
        if (node.Region.Length > 0 && service.Region != node.Region)
            mistakes.Add(node, nameof(node.Service), $"{service.Id} is in {service.Region}, but the node is in {node.Region}", "Name the database service of the node's own region.");
    }
}
