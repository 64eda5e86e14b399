using Microsoft.AspNetCore.Components;
using Microsoft.JSInterop;
using OpsConsole.Web.Components.Shared;

namespace OpsConsole.Web.Components.Charts;

/// <summary>A time series chart in the browser. The module and its library load with the first chart; afterwards only new points
/// travel (<see cref="AppendAsync"/>), and the page is not rendered for them.</summary>
public sealed partial class LiveChart : IAsyncDisposable
{
    private ElementReference _element;
    private IJSObjectReference? _module;
    private IReadOnlyList<ChartSeries>? _shown;
    private bool _drawn;
    private bool _failed;

    [Inject]
    public required IJSRuntime Browser { get; set; }

    /// <summary>What is charted, for people who cannot see it.</summary>
    [Parameter, EditorRequired]
    public required string Label { get; set; }

    [Parameter]
    public ChartUnit Unit { get; set; }

    /// <summary>Drawn anew when another list is given; the same list instance is not drawn again.</summary>
    [Parameter, EditorRequired]
    public required IReadOnlyList<ChartSeries> Series { get; set; }

    /// <summary>A dashed line at this value: a target or threshold.</summary>
    [Parameter]
    public double? Limit { get; set; }

    [Parameter]
    public string LimitText { get; set; } = "";

    /// <summary>Points older than this before the newest are dropped while appending.</summary>
    [Parameter]
    public TimeSpan Window { get; set; } = TimeSpan.FromMinutes(30);

    /// <summary>The axis begins here; null: with the first point. Likewise <see cref="To"/>.</summary>
    [Parameter]
    public DateTimeOffset? From { get; set; }

    [Parameter]
    public DateTimeOffset? To { get; set; }

    /// <summary>The values' axis begins at zero; otherwise below the least value (availability, which is never far from 100 %).</summary>
    [Parameter]
    public bool FromZero { get; set; } = true;

    /// <summary>Pixels.</summary>
    [Parameter]
    public int Height { get; set; } = 240;

    /// <summary>One value a series, in the order of <see cref="Series"/>; null leaves a gap.</summary>
    public async Task AppendAsync(DateTimeOffset at, IReadOnlyList<double?> values)
    {
        if (_module is not null && _drawn) await _module.TryCallAsync("append", _element, at.ToUnixTimeMilliseconds(), values);
    }

    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (ReferenceEquals(_shown, Series)) return;
        _shown = Series;
        try
        {
            _module ??= await Browser.InvokeAsync<IJSObjectReference>("import", "/" + Assets["js/chart.js"]);
            await _module.InvokeVoidAsync("init", _element, new
            {
                library = "/" + Assets["lib/apexcharts/apexcharts.esm.js"],
                unit = Unit.ToString(),
                height = Height,
                windowMs = Window.TotalMilliseconds,
                limit = Limit,
                limitText = LimitText,
                from = From?.ToUnixTimeMilliseconds(),
                to = To?.ToUnixTimeMilliseconds(),
                fromZero = FromZero,
            }, Series.Select(s => new { name = s.Name, data = s.Points }));
            _failed = false;
        }
        catch (JSDisconnectedException)
        {
            return;
        }
        catch (JSException)
        {
            _failed = true;
        }
        if (_drawn == !_failed) return;
        _drawn = !_failed;
        StateHasChanged();
    }

    public async ValueTask DisposeAsync()
    {
        if (_module is null) return;
        if (await _module.TryCallAsync("dispose", _element)) await _module.TryDisposeAsync();
    }
}
