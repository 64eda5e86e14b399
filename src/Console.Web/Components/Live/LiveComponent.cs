using Microsoft.AspNetCore.Components;
using OpsConsole.Core.Live;

namespace OpsConsole.Web.Components.Live;

/// <summary>A component that is rendered again when an entity that concerns it changes. Children take (id, version), so that
/// Blazor skips those whose two parameters are the same.</summary>
public abstract class LiveComponent : ComponentBase, IDisposable
{
    private IDisposable? _watch;

    [Inject]
    public required LiveFleet Live { get; set; }

    protected FleetSnapshot Picture { get; private set; } = FleetSnapshot.Empty;

    protected override void OnInitialized()
    {
        if (RendererInfo.IsInteractive) _watch = Live.Watch(Concerns, () => InvokeAsync(ShowChanges));
        Picture = Live.Current;
    }

    protected abstract bool Concerns(ILiveEntity entity);

    /// <summary>Called on the circuit after <see cref="Picture"/> was renewed and before the render.</summary>
    protected virtual void OnPicture()
    {
    }

    private void ShowChanges()
    {
        Picture = Live.Current;
        OnPicture();
        StateHasChanged();
    }

    public void Dispose()
    {
        Dispose(true);
        GC.SuppressFinalize(this);
    }

    protected virtual void Dispose(bool disposing)
    {
        if (disposing) _watch?.Dispose();
    }
}
