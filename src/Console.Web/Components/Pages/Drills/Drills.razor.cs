using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;
using OpsConsole.Core.Chaos;
using OpsConsole.Core.Drills;
using OpsConsole.Core.Drills.Schedules;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;
using OpsConsole.Web.Components.Live;
using OpsConsole.Web.Components.Pages.Operations;
using OpsConsole.Web.Components.Shared;

namespace OpsConsole.Web.Components.Pages.Drills;

/// <summary>One pair of regions at a time; which one is in the address.</summary>
public partial class Drills
{
    private static readonly TimeSpan Renewal = TimeSpan.FromSeconds(5);
    private readonly CancellationTokenSource _gone = new();
    private DrillPair? _pair;
    private PairReadiness? _readiness;
    private IReadOnlyList<ScheduleState> _schedules = [];
    private IReadOnlyList<Operation> _running = [];
    private PausedSchedules? _paused;
    private string _reason = "";
    private string? _problem;
    private string _key = Guid.NewGuid().ToString();
    private bool _reading;
    private DateTimeOffset _readAt;

    [SupplyParameterFromQuery]
    public string? Source { get; set; }

    [SupplyParameterFromQuery]
    public string? Target { get; set; }

    [Inject]
    public required FleetModel Fleet { get; set; }

    [Inject]
    public required DrillPlanner Planner { get; set; }

    [Inject]
    public required DrillReadiness Readiness { get; set; }

    [Inject]
    public required ScheduleRunner Schedules { get; set; }

    [Inject]
    public required SchedulePause Pause { get; set; }

    [Inject]
    public required OperationReader Reader { get; set; }

    [Inject]
    public required IOperationFeed Feed { get; set; }

    [Inject]
    public required IJSRuntime Browser { get; set; }

    [Inject]
    public required NavigationManager Navigation { get; set; }

    [Inject]
    public required TimeProvider Clock { get; set; }

    private IEnumerable<string> Targets => Fleet.RegionsByPriority.Select(r => r.Id).Where(r => r != _pair!.Source && Fleet.Clusters[_pair.Cluster].Nodes.Any(n => n.Region == r));

    protected override bool Concerns(ILiveEntity entity) => entity is ReadinessState or ClusterState or RegionState;

    protected override async Task OnInitializedAsync()
    {
        if (RendererInfo.IsInteractive) _ = OperationWatch.RunAsync(Feed, _ => true, () => InvokeAsync(async () =>
        {
            await ReadAsync();
            StateHasChanged();
        }), _gone.Token);
        await Task.CompletedTask;
    }

    protected override async Task OnParametersSetAsync()
    {
        if (Fleet.Options.Clusters.Count == 0) return;
        try
        {
            var request = new JsonObject();
            if (!string.IsNullOrEmpty(Source)) request["source"] = Source;
            if (!string.IsNullOrEmpty(Target)) request["target"] = Target;
            _pair = Planner.PairOf(request);
        }
        catch (RequestRefusedException refused)
        {
            (_problem, _pair) = (refused.Message, Planner.PairOf([]));
        }
        await ReadAsync();
    }

    protected override void OnPicture()
    {
        if (_reading || Clock.GetUtcNow() - _readAt < Renewal) return;
        _ = InvokeAsync(async () =>
        {
            await ReadAsync();
            StateHasChanged();
        });
    }

    private async Task ReadAsync()
    {
        if (_pair is not { } pair) return;
        (_reading, _readAt) = (true, Clock.GetUtcNow());
        try
        {
            _readiness = await Readiness.OfAsync(pair, _gone.Token);
            _schedules = await Schedules.ListAsync(_gone.Token);
            _paused = await Pause.ActiveAsync(_gone.Token);
            _running = [.. await Reader.ListAsync(OperationKinds.Drill, OperationState.Running, cancel: _gone.Token), .. await Reader.ListAsync(OperationKinds.Drill, OperationState.RollingBack, cancel: _gone.Token)];
        }
        finally
        {
            _reading = false;
        }
    }

    /// <summary>One key for one wish: pressing twice asks once.</summary>
    private async Task RunAsync(DrillSuite suite)
    {
        var answer = await Browser.CallApiAsync("POST", $"/api/v1/drills/{JsonNamingPolicy.CamelCase.ConvertName(suite.ToString())}/run",
            new { source = _pair!.Source, target = _pair.Target, cluster = _pair.Cluster, reason = _reason }, Proof.None, _key);
        _problem = answer.Ok ? null : answer.Problem;
        if (!answer.Ok) return;
        _key = Guid.NewGuid().ToString();
        Navigation.NavigateTo(answer.Read("approvalId") is { } approval ? $"/approvals/{approval}" : $"/operations/{answer.Read("operationId")}");
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _gone.Cancel();
            _gone.Dispose();
        }
        base.Dispose(disposing);
    }
}
