using Microsoft.AspNetCore.Components;
using OpsConsole.Core.Objectives;
using OpsConsole.Web.Components.Live;

namespace OpsConsole.Web.Components.Pages.Overview;

/// <summary>OB-4, read at most every ten seconds for all viewers together.</summary>
public partial class BudgetsPanel
{
    private static readonly TimeSpan Renewal = TimeSpan.FromSeconds(10);

    private Reading<IReadOnlyList<ErrorBudget>> _reading = null!;
    private IReadOnlyList<ErrorBudget>? _shown;
    private DateTimeOffset _readAt;
    private bool _first = true;

    [Inject]
    public required IObjectives Objectives { get; set; }

    [Inject]
    public required SharedReadings Shared { get; set; }

    [Inject]
    public required TimeProvider Clock { get; set; }

    [Inject]
    public required ILogger<BudgetsPanel> Logger { get; set; }

    [Parameter]
    public string Class { get; set; } = "";

    [Parameter, EditorRequired]
    public DateTimeOffset At { get; set; }

    protected override void OnInitialized() => _reading = new(Logger);

    protected override async Task OnParametersSetAsync()
    {
        var now = Clock.GetUtcNow();
        if (!RendererInfo.IsInteractive || now - _readAt < Renewal) return;
        _readAt = now;
        await _reading.ReadAsync(() => Shared.GetAsync("budgets", Renewal, () => Objectives.ErrorBudgetsAsync()));
    }

    protected override bool ShouldRender()
    {
        if (!_first && !_reading.Failed && ReferenceEquals(_shown, _reading.Value)) return false;
        (_first, _shown) = (false, _reading.Value);
        return true;
    }
}
