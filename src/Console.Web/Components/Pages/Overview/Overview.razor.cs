using Microsoft.AspNetCore.Components;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Web.Components.Live;

namespace OpsConsole.Web.Components.Pages.Overview;

/// <summary>The fleet at one glance. The page is rendered once a batch; its parts take versions and are skipped while theirs stays.</summary>
public partial class Overview
{
    private FleetDigest _digest = new(FleetSnapshot.Empty);
    private long _topology;
    private long _clusters;
    private long _components;
    private long _latencies;

    [Inject]
    public required FleetModel Fleet { get; set; }

    [Inject]
    public required FleetDigests Digests { get; set; }

    [Inject]
    public required NavigationManager Navigation { get; set; }

    [SupplyParameterFromQuery(Name = "view")]
    public string? View { get; set; }

    private bool AsTable => View == "table";

    private string Lead => $"{Fleet.Options.Name} · {Fleet.Options.Environment.ToString().ToLowerInvariant()} fleet";

    protected override bool Concerns(ILiveEntity entity) => true;

    protected override void OnInitialized()
    {
        base.OnInitialized();
        Read();
    }

    protected override void OnPicture() => Read();

    private void Read()
    {
        _digest = Digests.Of(Picture);
        _topology = Versions.Of(Picture, Picture.Regions.Values) + Versions.Of(Picture, Picture.Links.Values);
        _clusters = Versions.Of(Picture, Picture.Clusters.Values);
        _components = Versions.Of(Picture, Picture.Components.Values);
        _latencies = Versions.Of(Picture, Picture.Latencies.Values);
    }
}
