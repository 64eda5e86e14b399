using System.Threading.Channels;
using OpsConsole.Core.Backups.Format;
using OpsConsole.Core.Backups.Stores;

namespace OpsConsole.Core.Backups.Streaming;

/// <param name="Stored">null when it failed</param>
public sealed record CopyOutcome(IBackupStore Store, StoredObject? Stored, Exception? Failure);

/// <summary>Limits of writing one object into several stores.</summary>
/// <param name="FramesAhead">how far the fastest store may be ahead of the slowest</param>
/// <param name="Stall">how long a store may take nothing before it is given up, so that it does not hold up the others</param>
/// <param name="Finish">how long it may take from the last byte to its word that all is stored</param>
public sealed record FanOutLimits(int FramesAhead, TimeSpan Stall, TimeSpan Finish)
{
    /// <summary>64 frames of half a MiB: 32 MiB, shared by all stores.</summary>
    public static FanOutLimits Usual { get; } = new(64, TimeSpan.FromSeconds(60), TimeSpan.FromMinutes(10));
}

/// <summary>One object on its way into several stores at once. The slowest sets the pace, up to a point; one that fails is left behind while the others go on.</summary>
public sealed class FanOut : IAsyncDisposable
{
    private readonly FanOutLimits _limits;
    private readonly TimeProvider _time;
    private readonly List<Lane> _lanes;

    public FanOut(IReadOnlyList<IBackupStore> stores, string name, PutOptions options, FanOutLimits limits, TimeProvider time)
    {
        (_limits, _time) = (limits, time);
        _lanes = [.. stores.Select(s => new Lane(s, name, options, limits.FramesAhead))];
    }

    public bool AnyAlive => _lanes.Exists(l => l.Alive);

    /// <summary>Owns the frame. Returns when every living store has taken it in.</summary>
    /// <exception cref="BackupEngineException">no store is left</exception>
    public async ValueTask WriteAsync(SharedFrame frame, CancellationToken cancel)
    {
        foreach (var lane in _lanes)
        {
            if (!lane.Alive) continue;
            frame.Hold();
            if (lane.TryWrite(frame)) continue;
            if (!await lane.WriteAsync(frame, _limits.Stall, _time, cancel)) frame.Release();
        }
        frame.Release();
        if (!AnyAlive) throw Lost();
    }

    /// <summary>Ends the object; says for each store whether it is there as a whole.</summary>
    public async Task<IReadOnlyList<CopyOutcome>> CompleteAsync(CancellationToken cancel)
    {
        foreach (var lane in _lanes) lane.Complete();
        var outcomes = await Task.WhenAll(_lanes.Select(l => l.OutcomeAsync(_limits.Finish, _time, cancel)));
        return outcomes.Any(o => o.Failure is null) ? outcomes : throw Lost();
    }

    private BackupEngineException Lost() => new($"No repository took it. {string.Join(" ", _lanes.Select(l => l.Failure?.Message ?? $"{l.Store.Id} failed."))}", _lanes[0].Failure ?? new InvalidOperationException("no store"));

    /// <summary>What was not completed is taken back by the stores.</summary>
    public async ValueTask DisposeAsync()
    {
        foreach (var lane in _lanes) await lane.DisposeAsync();
    }

    /// <summary>One store's part: a bounded queue, read by its put.</summary>
    private sealed class Lane : IAsyncDisposable
    {
        private readonly Channel<SharedFrame> _queue;
        private readonly CancellationTokenSource _giveUp = new();
        private readonly Task<StoredObject> _put;
        private Exception? _failure;

        public Lane(IBackupStore store, string name, PutOptions options, int ahead)
        {
            Store = store;
            _queue = Channel.CreateBounded<SharedFrame>(new BoundedChannelOptions(ahead) { SingleReader = true, SingleWriter = true });
            _put = Task.Run(() => store.PutAsync(name, new FrameQueueStream(_queue.Reader), options, _giveUp.Token));
        }

        public IBackupStore Store { get; }
        public Exception? Failure => _failure ?? _put.Exception?.InnerException;
        public bool Alive => _failure is null && !_put.IsCompleted;

        public bool TryWrite(SharedFrame frame) => _queue.Writer.TryWrite(frame);

        /// <summary>False when the store failed or stalled meanwhile.</summary>
        public async ValueTask<bool> WriteAsync(SharedFrame frame, TimeSpan stall, TimeProvider time, CancellationToken cancel)
        {
            var room = _queue.Writer.WaitToWriteAsync(cancel).AsTask();
            try
            {
                await Task.WhenAny(room, _put).WaitAsync(stall, time, cancel);
            }
            catch (TimeoutException)
            {
                await FailAsync(new StoreException(Store.Id, StoreFailure.Silent, $"it has taken nothing for {stall.TotalSeconds:0} s and was left behind."));
                return false;
            }
            // One writer: the room that there is stays.
            return !_put.IsCompleted && _queue.Writer.TryWrite(frame);
        }

        public void Complete() => _queue.Writer.TryComplete();

        public async Task<CopyOutcome> OutcomeAsync(TimeSpan finish, TimeProvider time, CancellationToken cancel)
        {
            try
            {
                if (_failure is null) return new CopyOutcome(Store, await _put.WaitAsync(finish, time, cancel), null);
            }
            catch (TimeoutException)
            {
                await FailAsync(new StoreException(Store.Id, StoreFailure.Silent, $"it did not confirm the end within {finish.TotalMinutes:0} min."));
            }
            catch (Exception e) when (e is not OperationCanceledException || !cancel.IsCancellationRequested)
            {
                _failure ??= e;
            }
            return new CopyOutcome(Store, null, _failure);
        }

        private async Task FailAsync(Exception why)
        {
            _failure = why;
            await _giveUp.CancelAsync();
        }

        public async ValueTask DisposeAsync()
        {
            _queue.Writer.TryComplete(new BackupAbandonedException());
            await _giveUp.CancelAsync();
            await _put.ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default); // its failure is in the outcome, or nobody asks any more
            while (_queue.Reader.TryRead(out var frame)) frame.Release();
            _giveUp.Dispose();
        }
    }
}

/// <summary>The object was not finished: what its source had begun ended early.</summary>
public sealed class BackupAbandonedException() : Exception("The object was not finished by its source.");
