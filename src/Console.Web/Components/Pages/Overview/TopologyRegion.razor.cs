using Microsoft.AspNetCore.Components;
using OpsConsole.Core.Live;
using OpsConsole.Web.Components.Live;

namespace OpsConsole.Web.Components.Pages.Overview;

/// <summary>One region of the topology.</summary>
public partial class TopologyRegion
{
    private RegionState? _region;

    [Inject]
    public required LiveFleet Live { get; set; }

    [Parameter, EditorRequired]
    public required string Id { get; set; }

    [Parameter, EditorRequired]
    public int Version { get; set; }

    [Parameter]
    public string Style { get; set; } = "";

    protected override void OnParametersSet() => _region = Live.Current.Regions.GetValueOrDefault(Id);

    private List<string> Primaries() => Live.Current.Clusters.Values.Where(c => c.PrimaryRegion == Id).Select(c => c.Id).ToList();

    private IEnumerable<LinkState> Inbound() => Live.Current.Links.Values.Where(l => l.Target == Id);
}
