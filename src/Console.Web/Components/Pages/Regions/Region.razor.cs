using Microsoft.AspNetCore.Components;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Web.Components.Live;
using OpsConsole.Web.Components.Shared;

namespace OpsConsole.Web.Components.Pages.Regions;

/// <summary>One region: its services, database nodes, links, latency and the last day.</summary>
public partial class Region
{
    private static readonly Crumb[] Trail = [new("Regions", "/regions")];

    private RegionOptions? _declared;
    private List<string> _ids = [];
    private string[] _keys = [];
    private StatusCounts _services;

    [Inject]
    public required FleetModel Fleet { get; set; }

    [Inject]
    public required FleetDigests Digests { get; set; }

    [Parameter]
    public required string Id { get; set; }

    private string Lead => _declared is { } declared ? $"{declared.Name} · {declared.CloudRegion}" : "";

    private IEnumerable<(ClusterState Cluster, ClusterNodeState Node)> Nodes =>
        from cluster in Picture.Clusters.Values
        from node in cluster.Nodes
        where node.Region == Id
        select (cluster, node);

    protected override bool Concerns(ILiveEntity entity) => entity switch
    {
        RegionState region => region.Id == Id,
        ServiceState service => service.Region == Id,
        LinkState link => link.Source == Id || link.Target == Id,
        LatencyState latency => latency.Source == Id || latency.Target == Id,
        ClusterState => true,
        _ => false,
    };

    protected override void OnParametersSet()
    {
        _declared = Fleet.Regions.GetValueOrDefault(Id);
        _ids = Fleet.ServicesOf(Id).Select(s => s.Id).ToList();
        _keys = [Id];
        _services = Digests.Of(Picture).ServicesOf(Id);
    }

    protected override void OnPicture() => _services = Digests.Of(Picture).ServicesOf(Id);
}
