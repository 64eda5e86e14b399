using Microsoft.AspNetCore.Components;
using OpsConsole.Core.Live;
using OpsConsole.Core.Objectives;
using OpsConsole.Web.Components.Live;

namespace OpsConsole.Web.Components.Pages.Objectives;

/// <summary>Targets with their source, current values with theirs, and the proof.</summary>
public partial class Objectives
{
    private static readonly TimeSpan Renewal = TimeSpan.FromSeconds(10);

    private Reading<IReadOnlyList<ErrorBudget>> _reading = null!;
    private IReadOnlyList<ClusterObjectives> _clusters = [];
    private string[] _keys = [];
    private DateTimeOffset _readAt;

    [Inject]
    public required IObjectives Source { get; set; }

    [Inject]
    public required SharedReadings Shared { get; set; }

    [Inject]
    public required TimeProvider Clock { get; set; }

    [Inject]
    public required ILogger<Objectives> Logger { get; set; }

    protected override bool Concerns(ILiveEntity entity) => entity is ClusterState;

    protected override void OnInitialized()
    {
        base.OnInitialized();
        _reading = new(Logger);
        _clusters = Source.Current();
        _keys = [.. _clusters.Select(c => c.Cluster)];
    }

    protected override Task OnInitializedAsync() => RendererInfo.IsInteractive ? ReadBudgetsAsync() : Task.CompletedTask;

    protected override void OnPicture()
    {
        _clusters = Source.Current();
        if (Clock.GetUtcNow() - _readAt >= Renewal) _ = InvokeAsync(ReadBudgetsAsync);
    }

    private async Task ReadBudgetsAsync()
    {
        _readAt = Clock.GetUtcNow();
        await _reading.ReadAsync(() => Shared.GetAsync("budgets", Renewal, () => Source.ErrorBudgetsAsync()));
        StateHasChanged();
    }
}
