using Microsoft.AspNetCore.Components;
using OpsConsole.Core.Health;
using OpsConsole.Web.Components.Live;

namespace OpsConsole.Web.Components.Charts;

/// <summary>A chart of what was kept, read when its question changes. It renders itself only then, however often its page does.</summary>
public partial class HistoryChart
{
    private Reading<IReadOnlyList<HistorySeries>> _reading = null!;
    private List<ChartSeries>? _series;
    private object? _asked;
    private DateTimeOffset _to;
    private bool _changed = true;

    [Inject]
    public required IHistory History { get; set; }

    [Inject]
    public required TimeProvider Clock { get; set; }

    [Inject]
    public required ILogger<HistoryChart> Logger { get; set; }

    [Parameter, EditorRequired]
    public required string Label { get; set; }

    [Parameter, EditorRequired]
    public HistoryMetric Metric { get; set; }

    [Parameter, EditorRequired]
    public required IReadOnlyList<string> Keys { get; set; }

    /// <summary>Length, up to now unless <see cref="To"/> says otherwise.</summary>
    [Parameter]
    public TimeSpan Range { get; set; } = TimeSpan.FromHours(1);

    [Parameter]
    public DateTimeOffset? To { get; set; }

    [Parameter]
    public string? Gauge { get; set; }

    /// <summary>P50, P95 and P99 of the first key instead of one line a key.</summary>
    [Parameter]
    public bool Percentiles { get; set; }

    /// <summary>Drawn only when the values come near it; a threshold far above would flatten them.</summary>
    [Parameter]
    public double? Limit { get; set; }

    [Parameter]
    public string LimitText { get; set; } = "";

    [Parameter]
    public string? NothingSeen { get; set; }

    [Parameter]
    public int Height { get; set; } = 240;

    /// <summary>Called with what was read.</summary>
    [Parameter]
    public EventCallback<IReadOnlyList<HistorySeries>> OnRead { get; set; }

    private double? NearLimit =>
        Limit is { } limit && _series is { } series && series.SelectMany(s => s.Points).Any(p => p[1] >= limit / 3) ? limit : null;

    private ChartUnit Unit => Metric switch
    {
        HistoryMetric.ResponseTime or HistoryMetric.RoundTrip => ChartUnit.Milliseconds,
        HistoryMetric.ErrorRate or HistoryMetric.Availability => ChartUnit.Percent,
        HistoryMetric.Throughput => ChartUnit.PerSecond,
        HistoryMetric.ReplicationLagBytes => ChartUnit.Bytes,
        HistoryMetric.ReplicationLagSeconds or HistoryMetric.HeartbeatLagSeconds or HistoryMetric.Rpo => ChartUnit.Seconds,
        _ => ChartUnit.Number,
    };

    protected override void OnInitialized() => _reading = new(Logger);

    protected override async Task OnParametersSetAsync()
    {
        var question = (Metric, string.Join('\n', Keys), Range, To, Gauge, Percentiles);
        if (!RendererInfo.IsInteractive || question.Equals(_asked)) return;
        _asked = question;
        (_series, _changed) = (null, true);
        var to = _to = To ?? Clock.GetUtcNow();
        await _reading.ReadAsync(() => History.ReadAsync(new HistoryQuery(Metric, Keys, to - Range, to, 500, Gauge)));
        if (!question.Equals(_asked)) return;
        _changed = true;
        if (_reading.Failed || _reading.Value is not { } history) return;
        _series = Percentiles && history is [var only, ..] ? Split(only) : history.Select(h => ChartSeries.From(h.Key, h)).ToList();
        await OnRead.InvokeAsync(history);
    }

    protected override bool ShouldRender()
    {
        var changed = _changed;
        _changed = false;
        return changed;
    }

    private static List<ChartSeries> Split(HistorySeries history) =>
    [
        ChartSeries.From("P50", history),
        ChartSeries.From("P95", history, p => p.P95),
        ChartSeries.From("P99", history, p => p.P99),
    ];
}
