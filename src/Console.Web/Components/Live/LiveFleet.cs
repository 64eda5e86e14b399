using OpsConsole.Core.Live;

namespace OpsConsole.Web.Components.Live;

/// <summary>A viewer's one subscription to the fleet. It keeps no picture of its own: <see cref="Current"/> is the shared
/// snapshot. Watchers hear of batches that concern them, one after another, so a slow circuit gets merged batches instead of a queue.</summary>
public sealed partial class LiveFleet(IFleetFeed feed, FeedAge age, ILogger<LiveFleet> logger) : IAsyncDisposable
{
    private readonly Lock _gate = new();
    private readonly CancellationTokenSource _stop = new();
    private Watcher[] _watchers = [];
    private Task? _pump;
    private TaskCompletionSource _visible = Completed();

    public FleetSnapshot Current => feed.Current;

    /// <summary>Whether the picture is being renewed; a page that is not renewed must not offer dangerous buttons.</summary>
    public LiveLink Link => age.Link;

    /// <summary>Read <see cref="Current"/> after this, not before: then no change is missed.</summary>
    /// <param name="concerns">Whether a changed entity matters to the watcher. Called on any thread.</param>
    /// <param name="changed">Renders; awaited before the next batch is read.</param>
    public IDisposable Watch(Func<ILiveEntity, bool> concerns, Func<Task> changed)
    {
        var watcher = new Watcher(this, concerns, changed);
        lock (_gate)
        {
            _watchers = [.. _watchers, watcher];
            if (_pump is null)
            {
                // Subscribed before the caller reads Current: nothing falls between the two.
                var subscription = feed.Subscribe();
                _pump = Task.Run(() => PumpAsync(subscription, _stop.Token));
            }
        }
        return watcher;
    }

    /// <summary>A hidden page is not rendered; it catches up in one render when it is seen again.</summary>
    public void SetVisible(bool visible)
    {
        lock (_gate)
        {
            if (visible) _visible.TrySetResult();
            else if (_visible.Task.IsCompleted) _visible = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        if (_pump is { } pump) await pump;
        _stop.Dispose();
    }

    private async Task PumpAsync(FleetSubscription subscription, CancellationToken cancel)
    {
        using var _ = subscription;
        var batches = new List<ChangeBatch>();
        try
        {
            while (await subscription.Batches.WaitToReadAsync(cancel))
            {
                await _visible.Task.WaitAsync(cancel);
                batches.Clear();
                while (subscription.Batches.TryRead(out var batch)) batches.Add(batch);
                foreach (var watcher in _watchers)
                    if (watcher.IsConcernedBy(batches)) await NotifyAsync(watcher);
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
        }
    }

    private async Task NotifyAsync(Watcher watcher)
    {
        try
        {
            await watcher.Changed();
        }
        catch (ObjectDisposedException)
        {
            watcher.Dispose();
        }
#pragma warning disable CA1031 // one component's failure must not end the live picture of the others
        catch (Exception error)
#pragma warning restore CA1031
        {
            LogWatcherFailed(error);
            watcher.Dispose();
        }
    }

    private void Remove(Watcher watcher)
    {
        lock (_gate) _watchers = Array.FindAll(_watchers, w => w != watcher);
    }

    private static TaskCompletionSource Completed()
    {
        var source = new TaskCompletionSource();
        source.SetResult();
        return source;
    }

    [LoggerMessage(4101, LogLevel.Error, "A live component failed and hears no more changes")]
    private partial void LogWatcherFailed(Exception error);

    private sealed class Watcher(LiveFleet fleet, Func<ILiveEntity, bool> concerns, Func<Task> changed) : IDisposable
    {
        public Func<Task> Changed { get; } = changed;

        public bool IsConcernedBy(List<ChangeBatch> batches)
        {
            foreach (var batch in batches)
            {
                if (!batch.RemovedLinks.IsDefaultOrEmpty) return true;
                foreach (var entity in batch.Changed)
                    if (concerns(entity)) return true;
            }
            return false;
        }

        public void Dispose() => fleet.Remove(this);
    }
}
