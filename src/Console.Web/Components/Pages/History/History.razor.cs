using Microsoft.AspNetCore.Components;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health;
using OpsConsole.Web.Components.Live;
using OpsConsole.Web.Components.Shared;

namespace OpsConsole.Web.Components.Pages.History;

/// <summary>Metric, names and range are in the address, so that a chart can be sent to a colleague.</summary>
public partial class History
{
    private const int MostKeys = 12;

    private HistoryMetrics _metric = HistoryMetrics.All[0];
    private HistoryRange _range = HistoryRange.Presets[0];
    private IReadOnlyList<string> _choices = [];
    private IReadOnlyList<string> _gauges = [];
    private string[] _keys = [];
    private IReadOnlyList<HistorySeries> _read = [];
    private string? _mistake;
    private (string?, string?, string?)? _rangeAsked;

    [Inject]
    public required LiveFleet Live { get; set; }

    [Inject]
    public required FleetModel Fleet { get; set; }

    [Inject]
    public required TimeProvider Clock { get; set; }

    [Inject]
    public required AddressFilters Filters { get; set; }

    [SupplyParameterFromQuery]
    public string? Metric { get; set; }

    /// <summary>Names separated by commas; none: the first ones.</summary>
    [SupplyParameterFromQuery]
    public string? Keys { get; set; }

    [SupplyParameterFromQuery]
    public string? Gauge { get; set; }

    [SupplyParameterFromQuery]
    public string? Range { get; set; }

    [SupplyParameterFromQuery]
    public string? From { get; set; }

    [SupplyParameterFromQuery]
    public string? To { get; set; }

    protected override void OnParametersSet()
    {
        _metric = HistoryMetrics.Find(Metric);
        _gauges = HistoryMetrics.Gauges(Live.Current);
        _choices = _metric.Choices(Live.Current, Fleet, Gauge);
        var chosen = Keys is null ? HistoryMetrics.FirstOf(_choices) : Keys.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);
        if (!chosen.SequenceEqual(_keys)) _keys = [.. chosen.Take(MostKeys)];
        if (_rangeAsked == (Range, From, To)) return;
        _rangeAsked = (Range, From, To);
        (_range, _mistake) = HistoryRange.Read(Range, From, To, Clock.GetUtcNow());
    }

    private void Show(IReadOnlyList<HistorySeries> series) => _read = series;

    private void Toggle(string key) =>
        Go(("keys", string.Join(',', _keys.Contains(key) ? _keys.Where(k => k != key) : _keys.Append(key)) is { Length: > 0 } keys ? keys : ","));

    private void Custom(string? from, string? to) =>
        Go(("range", "custom"), ("from", from ?? HistoryRange.Input(_range.From)), ("to", to ?? HistoryRange.Input(_range.To)));

    private void Go(params (string Name, string? Value)[] changes) => Filters.Set(changes);
}
