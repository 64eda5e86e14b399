using Microsoft.AspNetCore.Components;
using Microsoft.AspNetCore.Components.Routing;
using Microsoft.AspNetCore.Components.Web;
using Microsoft.JSInterop;
using OpsConsole.Web.Components.Live;
using OpsConsole.Web.Components.Shared;

namespace OpsConsole.Web.Components.Layout;

/// <summary>The frame of every page: status, navigation, banners, an error boundary around the page's body. Tells the circuit's
/// <see cref="LiveFleet"/> whether the page can be seen, and the pages whether the picture is renewed.</summary>
public sealed partial class ConsoleLayout : IDisposable
{
    private ErrorBoundary? _boundary;
    private LiveLink _link = LiveLink.Unknown;
    private DotNetObjectReference<ConsoleLayout>? _self;

    [Inject]
    public required LiveFleet Live { get; set; }

    [Inject]
    public required FeedAge FeedAge { get; set; }

    [Inject]
    public required NavigationManager Navigation { get; set; }

    [Inject]
    public required IJSRuntime Browser { get; set; }

    protected override void OnInitialized()
    {
        _link = FeedAge.Link;
        if (!RendererInfo.IsInteractive) return;
        FeedAge.Turned += OnTurned;
        Navigation.LocationChanged += OnLocationChanged;
    }

    protected override async Task OnAfterRenderAsync(bool firstRender)
    {
        if (!firstRender) return;
        _self = DotNetObjectReference.Create(this);
        await Browser.TryCallAsync("opsConsole.attach", _self);
    }

    /// <summary>Called by the browser when the page is hidden or seen again.</summary>
    [JSInvokable]
    public void SetVisible(bool visible) => Live.SetVisible(visible);

    private void Recover() => _boundary?.Recover();

    private void OnLocationChanged(object? sender, LocationChangedEventArgs e) => Recover();

    private void OnTurned() => _ = InvokeAsync(() =>
    {
        _link = FeedAge.Link;
        StateHasChanged();
    });

    public void Dispose()
    {
        FeedAge.Turned -= OnTurned;
        Navigation.LocationChanged -= OnLocationChanged;
        _self?.Dispose();
    }
}
