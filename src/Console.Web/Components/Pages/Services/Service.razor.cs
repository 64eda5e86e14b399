using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Web.Components.Shared;

namespace OpsConsole.Web.Components.Pages.Services;

/// <summary>One service: figures, gauges, nodes, probes, what it needs and who needs it.</summary>
public partial class Service
{
    private static readonly Crumb[] Trail = [new("Services", "/services")];

    private ServiceOptions? _declared;
    private List<string> _dependents = [];
    private string? _problem;

    [Inject]
    public required FleetModel Fleet { get; set; }

    [Inject]
    public required IJSRuntime Browser { get; set; }

    [Parameter]
    public required string Id { get; set; }

    /// <summary>Its dependencies' status is on the page too.</summary>
    protected override bool Concerns(ILiveEntity entity) =>
        entity is ServiceState service && (service.Id == Id || _dependents.Contains(service.Id) || _declared?.DependsOn.Contains(service.Id) == true);

    protected override void OnParametersSet()
    {
        _declared = Fleet.Services.GetValueOrDefault(Id);
        _dependents = Fleet.Options.Services.Where(s => s.DependsOn.Contains(Id)).Select(s => s.Id).ToList();
    }

    private async Task ResetCircuitAsync()
    {
        var answer = await Browser.CallApiAsync("POST", $"/api/v1/services/{Uri.EscapeDataString(Id)}/circuit/reset", new { reason = "reset on the page" });
        _problem = answer.Ok ? null : answer.Problem;
    }

    private static string Default(double? seconds) => seconds is null ? "default" : Say.Seconds(seconds);
}
