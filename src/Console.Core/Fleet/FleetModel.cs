using System.Collections.Frozen;

namespace OpsConsole.Core.Fleet;

/// <summary>The validated fleet with its look-ups. Built once at start; never changes while the process lives.</summary>
public sealed class FleetModel
{
    public FleetModel(FleetOptions options)
    {
        Options = options;
        Regions = options.Regions.ToFrozenDictionary(r => r.Id);
        Services = options.Services.ToFrozenDictionary(s => s.Id);
        Clusters = options.Clusters.ToFrozenDictionary(c => c.Id);
    }

    public FleetOptions Options { get; }
    public FrozenDictionary<string, RegionOptions> Regions { get; }
    public FrozenDictionary<string, ServiceOptions> Services { get; }
    public FrozenDictionary<string, ClusterOptions> Clusters { get; }

    /// <summary>Regions in the order in which a target is chosen: lowest priority number first.</summary>
    public IEnumerable<RegionOptions> RegionsByPriority => Options.Regions.OrderBy(r => r.Priority);

    public IEnumerable<ServiceOptions> ServicesOf(string region) => Options.Services.Where(s => s.Region == region);

    /// <summary>How <paramref name="target"/> reaches <paramref name="source"/>'s node of the cluster; null when not declared.</summary>
    public LinkOptions? Link(string cluster, string source, string target) =>
        Options.Links.FirstOrDefault(l => l.Cluster == cluster && l.Source == source && l.Target == target);
}
