using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;
using OpsConsole.Core.Chaos;
using OpsConsole.Core.Operations;
using OpsConsole.Web.Components.Pages.Operations;
using OpsConsole.Web.Components.Shared;

namespace OpsConsole.Web.Components.Pages.Chaos;

/// <summary>The library with targets as the fleet is now, what runs, how it went. The chosen group is in the address.</summary>
public sealed partial class Chaos : IDisposable
{
    private readonly CancellationTokenSource _gone = new();
    private IReadOnlyList<CatalogueEntry>? _entries;
    private IReadOnlyList<ExperimentResult> _results = [];
    private IReadOnlyList<ResiliencePoint> _trend = [];
    private IReadOnlyList<Operation> _running = [];
    private PausedSchedules? _paused;
    private string? _problem;
    private string _importId = "";
    private string _importJson = "";
    private string? _importSaid;
    private IReadOnlyList<(string Part, bool Mapped, string Words)> _importParts = [];

    [SupplyParameterFromQuery]
    public string? Group { get; set; }

    [Inject]
    public required ExperimentCatalogue Catalogue { get; set; }

    [Inject]
    public required ExperimentLibrary Library { get; set; }

    [Inject]
    public required SchedulePause Schedules { get; set; }

    [Inject]
    public required OperationReader Reader { get; set; }

    [Inject]
    public required IOperationFeed Feed { get; set; }

    [Inject]
    public required IJSRuntime Browser { get; set; }

    [Inject]
    public required TimeProvider Clock { get; set; }

    private ExperimentGroup? Chosen => Enum.TryParse<ExperimentGroup>(Group, ignoreCase: true, out var group) ? group : null;

    protected override async Task OnInitializedAsync()
    {
        if (!RendererInfo.IsInteractive) return; // targets are asked of hosts and proxies: once, by the live page
        await ReadAsync();
        _ = OperationWatch.RunAsync(Feed, _ => true, () => InvokeAsync(async () =>
        {
            await ReadRunsAsync();
            StateHasChanged();
        }), _gone.Token);
        _entries = await Catalogue.ListAsync(_gone.Token);
    }

    private async Task ReadAsync()
    {
        _paused = await Schedules.ActiveAsync(_gone.Token);
        await ReadRunsAsync();
    }

    /// <summary>An end brings results, and with them scores.</summary>
    private async Task ReadRunsAsync()
    {
        var before = _running.Count;
        _running = [.. await Reader.ListAsync(OperationKinds.Experiment, OperationState.Running, cancel: _gone.Token), .. await Reader.ListAsync(OperationKinds.Experiment, OperationState.RollingBack, cancel: _gone.Token)];
        if (_results.Count > 0 && _running.Count == before) return;
        _results = await Catalogue.ResultsAsync(_gone.Token);
        _trend = Resilience.Trend(Clock.GetUtcNow(), [.. Library.All], _results);
        _paused = await Schedules.ActiveAsync(_gone.Token);
        if (_entries is not null) _entries = await Catalogue.ListAsync(_gone.Token);
    }

    private async Task ResumeAsync()
    {
        var answer = await Browser.CallApiAsync("DELETE", "/api/v1/schedules/pause?reason=resumed%20on%20the%20page", null);
        _problem = answer.Ok ? null : answer.Problem;
        await ReadAsync();
    }

    private async Task ImportAsync(bool dryRun)
    {
        _importParts = [];
        System.Text.Json.Nodes.JsonNode? foreign;
        try
        {
            foreign = System.Text.Json.Nodes.JsonNode.Parse(_importJson);
        }
        catch (System.Text.Json.JsonException wrong)
        {
            _importSaid = $"That is not JSON: {wrong.Message}";
            return;
        }
        var answer = await Browser.CallApiAsync("POST", "/api/v1/experiments/import", new { id = _importId, experiment = foreign, dryRun });
        if (!answer.Ok)
        {
            _importSaid = answer.Problem;
            return;
        }
        _importParts = [.. answer.Body.GetProperty("parts").EnumerateArray().Select(p => (p.GetProperty("part").GetString() ?? "", p.GetProperty("mapped").GetBoolean(), p.GetProperty("words").GetString() ?? ""))];
        var saved = answer.Body.GetProperty("saved").GetBoolean();
        _importSaid = saved ? $"{_importId} is in the library." : answer.Read("id") is null ? "Nothing of its method maps." : "It can be imported.";
        if (saved) _entries = await Catalogue.ListAsync(_gone.Token);
    }

    public void Dispose()
    {
        _gone.Cancel();
        _gone.Dispose();
    }
}
