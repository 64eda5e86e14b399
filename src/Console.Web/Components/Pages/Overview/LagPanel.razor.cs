using Microsoft.AspNetCore.Components;
using OpsConsole.Core.Health;
using OpsConsole.Core.Live;
using OpsConsole.Web.Components.Charts;
using OpsConsole.Web.Components.Live;

namespace OpsConsole.Web.Components.Pages.Overview;

/// <summary>Half an hour of lag from history, then a point every two seconds from the live picture.</summary>
public partial class LagPanel
{
    private static readonly TimeSpan Range = TimeSpan.FromMinutes(30);
    private static readonly TimeSpan Step = TimeSpan.FromSeconds(2);

    private Reading<IReadOnlyList<HistorySeries>> _reading = null!;
    private List<ChartSeries>? _series;
    private List<string> _keys = [];
    private LiveChart? _chart;
    private DateTimeOffset _appended;
    private bool _stale = true;

    [Inject]
    public required LiveFleet Live { get; set; }

    [Inject]
    public required IHistory History { get; set; }

    [Inject]
    public required SharedReadings Shared { get; set; }

    [Inject]
    public required TimeProvider Clock { get; set; }

    [Inject]
    public required ILogger<LagPanel> Logger { get; set; }

    [Parameter]
    public string Class { get; set; } = "";

    /// <summary>Time of the picture; a new one may bring a point.</summary>
    [Parameter, EditorRequired]
    public DateTimeOffset At { get; set; }

    protected override void OnInitialized() => _reading = new(Logger);

    protected override async Task OnParametersSetAsync()
    {
        if (!RendererInfo.IsInteractive) return;
        var links = Live.Current.Links;
        if (_series is not null && !_keys.SequenceEqual(links.Keys)) _series = null;
        if (_series is null) await LoadAsync([.. links.Keys]);
        else await AppendAsync(links.Values);
    }

    /// <summary>New points do not render the panel.</summary>
    protected override bool ShouldRender()
    {
        var stale = _stale;
        _stale = false;
        return stale;
    }

    private async Task LoadAsync(List<string> keys)
    {
        if (_keys.SequenceEqual(keys) && _reading.Failed && At - _appended < Range / 60) return;
        (_keys, _appended) = (keys, At);
        var now = Clock.GetUtcNow();
        await _reading.ReadAsync(() => Shared.GetAsync("lag:" + string.Join(',', keys), Step, () =>
            History.ReadAsync(new HistoryQuery(HistoryMetric.HeartbeatLagSeconds, keys, now - Range, now, 400))));
        _stale = true;
        if (_reading.Value is not { } history || _reading.Failed) return;
        _series = keys.Select(key => ChartSeries.From(Name(key), history.FirstOrDefault(h => h.Key == key) ?? new HistorySeries(key, "raw", []))).ToList();
    }

    private async Task AppendAsync(IEnumerable<LinkState> links)
    {
        if (_chart is null || At - _appended < Step) return;
        _appended = At;
        await _chart.AppendAsync(At, links.Select(l => l.HeartbeatLagSeconds ?? l.LagSeconds).ToList());
    }

    private string Name(string key) => Live.Current.Links.TryGetValue(key, out var link) ? $"{link.Source} → {link.Target}" : key;
}
