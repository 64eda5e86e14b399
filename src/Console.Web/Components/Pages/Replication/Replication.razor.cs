using Microsoft.AspNetCore.Components;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;

namespace OpsConsole.Web.Components.Pages.Replication;

/// <summary>Every cluster with its nodes, links, slots and drift.</summary>
public partial class Replication
{
    [Inject]
    public required FleetModel Fleet { get; set; }

    protected override bool Concerns(ILiveEntity entity) => entity is ClusterState or LinkState;

    /// <summary>A cluster's own version and those of its links, whose rows are in its panel.</summary>
    private long VersionOf(string cluster)
    {
        long version = Picture.Links.Count;
        if (Picture.Clusters.TryGetValue(cluster, out var state)) version += state.Version;
        foreach (var link in Picture.Links.Values)
            if (link.Cluster == cluster) version += link.Version;
        return version;
    }
}
