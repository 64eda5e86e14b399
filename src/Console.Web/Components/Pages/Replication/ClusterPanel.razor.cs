using Microsoft.AspNetCore.Components;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Web.Components.Live;
using OpsConsole.Web.Components.Shared;

namespace OpsConsole.Web.Components.Pages.Replication;

/// <summary>One cluster.</summary>
public partial class ClusterPanel
{
    private ClusterState? _state;
    private ClusterOptions _declared = new();
    private string[] _keys = [];

    [Inject]
    public required LiveFleet Live { get; set; }

    [Inject]
    public required FleetModel Fleet { get; set; }

    [Parameter, EditorRequired]
    public required string Id { get; set; }

    /// <summary>Grows with every change of the cluster or one of its links.</summary>
    [Parameter, EditorRequired]
    public long Version { get; set; }

    protected override void OnParametersSet()
    {
        _state = Live.Current.Clusters.GetValueOrDefault(Id);
        _declared = Fleet.Clusters[Id];
        _keys = [Id];
    }

    private static RenderFragment Writes(ClusterState state) => state.WriteAvailable switch
    {
        true => StatusMark.Of(HealthStatus.Healthy, "acknowledged", "status-small"),
        false => StatusMark.Of(HealthStatus.Failed, "not acknowledged", "status-small"),
        null => StatusMark.Of(HealthStatus.Unknown, "not measured", "status-small"),
    };
}
