using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Chaos;
using OpsConsole.Core.Operations;
using OpsConsole.Web.Components.Shared;

namespace OpsConsole.Web.Components.Pages.Chaos;

/// <summary>One experiment: what it would do to which targets now, what is in the way, who has to agree.</summary>
public sealed partial class ExperimentPage : IDisposable
{
    private readonly CancellationTokenSource _gone = new();
    private Experiment? _experiment;
    private ExperimentRun? _run;
    private ExperimentResult? _last;
    private PlanPreview? _preview;
    private double _duration;
    private double _intensity;
    private string _reason = "";
    private string? _problem;
    private string _key = Guid.NewGuid().ToString();

    [Parameter]
    public string Id { get; set; } = "";

    [Inject]
    public required ExperimentLibrary Library { get; set; }

    [Inject]
    public required ExperimentCatalogue Catalogue { get; set; }

    [Inject]
    public required ExperimentPlanner Planner { get; set; }

    [Inject]
    public required OperationService Operations { get; set; }

    [Inject]
    public required ChaosOptions Options { get; set; }

    [Inject]
    public required IJSRuntime Browser { get; set; }

    [Inject]
    public required NavigationManager Navigation { get; set; }

    protected override async Task OnParametersSetAsync()
    {
        if (_experiment?.Id == Id) return;
        _experiment = Library.Find(Id);
        if (_experiment is null) return;
        (_duration, _intensity) = (_experiment.DurationSeconds ?? Options.DefaultDurationSeconds, _experiment.IntensityPercent ?? Options.DefaultIntensityPercent);
        if (!RendererInfo.IsInteractive) return;
        _last = (await Catalogue.ResultsAsync(_gone.Token)).FirstOrDefault(r => r.Experiment == Id);
        await PlanAsync();
    }

    private async Task PlanAsync()
    {
        try
        {
            _problem = null;
            var request = new JsonObject { ["experiment"] = Id, ["durationSeconds"] = _duration, ["intensityPercent"] = _intensity };
            _run = await Planner.ReadAsync(request, _gone.Token);
            _preview = await Operations.PreviewAsync(OperationKinds.Experiment, request, _gone.Token);
        }
        catch (RequestRefusedException refused)
        {
            (_preview, _problem) = (null, refused.Message);
        }
    }

    /// <summary>One key for one plan: pressing twice asks once.</summary>
    private async Task RunAsync(PlanPreview preview)
    {
        var answer = await Browser.CallApiAsync("POST", $"/api/v1/experiments/{Id}/run",
            new { durationSeconds = _duration, intensityPercent = _intensity, planHash = preview.Hash, reason = _reason }, Proof.None, _key);
        if (!answer.Ok)
        {
            await PlanAsync();
            _problem = answer.Problem;
            return;
        }
        _key = Guid.NewGuid().ToString();
        Navigation.NavigateTo(answer.Read("approvalId") is { } approval ? $"/approvals/{approval}" : $"/operations/{answer.Read("operationId")}");
    }

    private static string Agreement(ApprovalRule rule) => rule.Required
        ? $"{(rule.Approvers == 1 ? "One approver" : $"{rule.Approvers} approvers")} must agree{(rule.StepUp ? ", with a second factor" : "")}."
        : "Nobody has to agree.";

    public void Dispose()
    {
        _gone.Cancel();
        _gone.Dispose();
    }
}
