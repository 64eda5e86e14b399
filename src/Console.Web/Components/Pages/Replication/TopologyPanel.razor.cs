using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;
using OpsConsole.Core.Failover.Topology;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Operations;
using OpsConsole.Web.Components.Shared;

namespace OpsConsole.Web.Components.Pages.Replication;

/// <summary>RE-4 for people: one node, what is done with it, the plan and its checks, and the request.</summary>
public partial class TopologyPanel
{
    private string _region = "";
    private string _upstream = "";
    private string _reason = "";
    private string _key = Guid.NewGuid().ToString();
    private string? _problem;
    private TopologyAction _action = TopologyAction.Repoint;
    private PlanPreview? _preview;

    [Parameter, EditorRequired]
    public required ClusterOptions Cluster { get; set; }

    [Parameter]
    public string? Primary { get; set; }

    [Inject]
    public required OperationService Operations { get; set; }

    [Inject]
    public required IJSRuntime Browser { get; set; }

    [Inject]
    public required NavigationManager Navigation { get; set; }

    private IEnumerable<string> Others => Cluster.Nodes.Select(n => n.Region).Where(r => r != Primary);

    private string? Upstream => _action == TopologyAction.DropSlots ? null : _upstream;

    private async Task PreviewAsync()
    {
        (_preview, _problem) = (null, null);
        if (_region.Length == 0) return;
        if (_upstream.Length == 0 || _upstream == _region) _upstream = Primary is { } primary && primary != _region ? primary : Cluster.Nodes.Select(n => n.Region).First(r => r != _region);
        try
        {
            _preview = await Operations.PreviewAsync(TopologyPlanner.KindName, new JsonObject { ["cluster"] = Cluster.Id, ["action"] = _action.ToString(), ["region"] = _region, ["upstream"] = Upstream });
        }
        catch (RequestRefusedException refused)
        {
            _problem = refused.Message;
        }
    }

    private async Task AskAsync(PlanPreview preview)
    {
        var answer = await Browser.CallApiAsync("POST", $"/api/v1/replication/{Cluster.Id}/topology", new { action = _action.ToString(), region = _region, upstream = Upstream, planHash = preview.Hash, reason = _reason }, Proof.None, _key);
        if (!answer.Ok)
        {
            _problem = answer.Problem;
            return;
        }
        _key = Guid.NewGuid().ToString();
        Navigation.NavigateTo(answer.Read("approvalId") is { } approval ? $"/approvals/{approval}" : $"/operations/{answer.Read("operationId")}");
    }
}
