using Microsoft.AspNetCore.Components;
using OpsConsole.Core.Live;
using OpsConsole.Web.Components.Live;

namespace OpsConsole.Web.Components.Pages.Overview;

/// <summary>DA-4: what people and machines changed in the last hour, read at most every five seconds for all viewers together.</summary>
public partial class ChangesPanel
{
    private const int Most = 12;
    private static readonly TimeSpan Renewal = TimeSpan.FromSeconds(5);
    private static readonly HashSet<string> Icons =
        ["status", "failover", "deployment", "experiment", "silence", "configuration", "access", "operation", "approval"];

    private Reading<IReadOnlyList<ChangeItem>> _reading = null!;
    private IReadOnlyList<ChangeItem>? _shown;
    private DateTimeOffset _readAt;
    private bool _first = true;

    [Inject]
    public required RecentChanges Changes { get; set; }

    [Inject]
    public required SharedReadings Shared { get; set; }

    [Inject]
    public required TimeProvider Clock { get; set; }

    [Inject]
    public required ILogger<ChangesPanel> Logger { get; set; }

    [Parameter]
    public string Class { get; set; } = "";

    /// <summary>Time of the picture; a new one may bring a change.</summary>
    [Parameter, EditorRequired]
    public DateTimeOffset At { get; set; }

    protected override void OnInitialized() => _reading = new(Logger);

    protected override async Task OnParametersSetAsync()
    {
        var now = Clock.GetUtcNow();
        if (!RendererInfo.IsInteractive || now - _readAt < Renewal) return;
        _readAt = now;
        await _reading.ReadAsync(() => Shared.GetAsync("changes", Renewal, () => Changes.ReadAsync(now - TimeSpan.FromHours(1), Most)));
    }

    protected override bool ShouldRender()
    {
        if (!_first && !_reading.Failed && ReferenceEquals(_shown, _reading.Value)) return false;
        (_first, _shown) = (false, _reading.Value);
        return true;
    }

    private static string IconOf(string kind) => Icons.Contains(kind) ? kind : "info";
}
