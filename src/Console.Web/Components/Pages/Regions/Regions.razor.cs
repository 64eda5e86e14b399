using Microsoft.AspNetCore.Components;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Web.Components.Live;

namespace OpsConsole.Web.Components.Pages.Regions;

/// <summary>All regions side by side.</summary>
public partial class Regions
{
    private FleetDigest _digest = new(FleetSnapshot.Empty);

    [Inject]
    public required FleetModel Fleet { get; set; }

    [Inject]
    public required FleetDigests Digests { get; set; }

    protected override bool Concerns(ILiveEntity entity) => entity is RegionState;

    protected override void OnInitialized()
    {
        base.OnInitialized();
        _digest = Digests.Of(Picture);
    }

    protected override void OnPicture() => _digest = Digests.Of(Picture);
}
