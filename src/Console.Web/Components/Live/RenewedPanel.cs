using Microsoft.AspNetCore.Components;

namespace OpsConsole.Web.Components.Live;

/// <summary>A panel whose content is read at most once per <paramref name="renewal"/> for all viewers together, and that renders only when what it read is new.</summary>
public abstract class RenewedPanel<T>(string key, TimeSpan renewal) : ComponentBase where T : class
{
    private T? _shown;
    private DateTimeOffset _readAt;
    private bool _first = true;

    [Inject]
    public required SharedReadings Shared { get; set; }

    [Inject]
    public required TimeProvider Clock { get; set; }

    [Inject]
    public required ILoggerFactory Loggers { get; set; }

    [Parameter]
    public string Class { get; set; } = "";

    /// <summary>Time of the picture; a new one may bring something to read.</summary>
    [Parameter, EditorRequired]
    public DateTimeOffset At { get; set; }

    protected Reading<T> Reading { get; private set; } = null!;

    protected abstract Task<T> ReadAsync(DateTimeOffset now);

    protected override void OnInitialized() => Reading = new(Loggers.CreateLogger(GetType()));

    protected override async Task OnParametersSetAsync()
    {
        var now = Clock.GetUtcNow();
        if (!RendererInfo.IsInteractive || now - _readAt < renewal) return;
        _readAt = now;
        await Reading.ReadAsync(() => Shared.GetAsync(key, renewal, () => ReadAsync(now)));
    }

    protected override bool ShouldRender()
    {
        if (!_first && !Reading.Failed && ReferenceEquals(_shown, Reading.Value)) return false;
        (_first, _shown) = (false, Reading.Value);
        return true;
    }
}
