using Microsoft.Extensions.Logging;

namespace OpsConsole.Core.Operations.Execution;

/// <summary>The right of this process to run one operation. Renewed in the background; ends by itself, on this process's own monotonic
/// clock, when renewing fails for too long: a runner that cannot prove that it holds the operation stops acting.</summary>
internal sealed class Lease : IAsyncDisposable
{
    private readonly Leases _leases;
    private readonly OperationsOptions _options;
    private readonly TimeProvider _clock;
    private readonly ILogger _log;
    private readonly CancellationTokenSource _lost = new();
    private readonly CancellationTokenSource _wished = new();
    private readonly CancellationTokenSource _takenOver = new();
    private readonly CancellationTokenSource _stop = new();
    private readonly SemaphoreSlim _nudge = new(0);
    private readonly Task _loop;
    private long _renewedAt;
    private volatile bool _inSection;
    private volatile bool _registered;
    private volatile object? _wish;

    public Lease(Leases leases, Guid operation, long epoch, bool inSection, OperationsOptions options, TimeProvider clock, ILogger log, bool registered = true)
    {
        (_leases, Operation, Epoch, _inSection, _options, _clock, _log) = (leases, operation, epoch, inSection, options, clock, log);
        (Lost, Wished, TakenOver) = (_lost.Token, _wished.Token, _takenOver.Token);
        _registered = registered;
        _renewedAt = clock.GetTimestamp();
        _loop = Task.Run(KeepAsync);
    }

    public Guid Operation { get; }
    public long Epoch { get; }
    /// <summary>Fires when the operation is no longer this process's.</summary>
    public CancellationToken Lost { get; }
    /// <summary>Fires when somebody wants the operation ended.</summary>
    public CancellationToken Wished { get; }
    /// <summary>Fires when a person sees to what cannot be undone.</summary>
    public CancellationToken TakenOver { get; }
    public OperationWish? Wish => (OperationWish?)_wish;

    /// <summary>Renews now: something may have changed.</summary>
    public void Nudge() => _nudge.Release();

    /// <summary>An operation that began from memory has its row now: from here the lease is renewed there.</summary>
    public void Registered()
    {
        _registered = true;
        Interlocked.Exchange(ref _renewedAt, _clock.GetTimestamp());
    }

    /// <summary>What the row says that somebody wants.</summary>
    public async Task HeedAsync(OperationWish? wish)
    {
        if (wish is null) return;
        _wish = wish;
        await _wished.CancelAsync();
        if (wish == OperationWish.TakeOver) await _takenOver.CancelAsync();
    }

    public async Task SetSectionAsync(bool open, bool proof, CancellationToken cancel)
    {
        var asked = _clock.GetTimestamp();
        await _leases.SetSectionAsync(Operation, Epoch, open, proof, cancel);
        _inSection = open;
        if (open) Interlocked.Exchange(ref _renewedAt, asked);
    }

    public Task ReleaseAsync(CancellationToken cancel) => _leases.ReleaseAsync(Operation, Epoch, cancel);

    private TimeSpan Remaining => TimeSpan.FromSeconds(_inSection ? _options.SectionSeconds : _options.LeaseSeconds)
        - _clock.GetElapsedTime(Interlocked.Read(ref _renewedAt));

    private async Task KeepAsync()
    {
        var pause = TimeSpan.FromSeconds(_options.RenewSeconds);
        while (!_stop.IsCancellationRequested)
        {
            if (!await PauseAsync(pause)) return;
            pause = await RenewAsync();
            if (pause > TimeSpan.Zero) continue;
            await _lost.CancelAsync();
            return;
        }
    }

    /// <returns>how long to wait until the next time; zero: lost</returns>
    private async Task<TimeSpan> RenewAsync()
    {
        if (!_registered) return Remaining <= TimeSpan.Zero ? TimeSpan.Zero : TimeSpan.FromSeconds(Math.Min(0.25, Math.Max(0.01, Remaining.TotalSeconds)));
        var asked = _clock.GetTimestamp();
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            limit.CancelAfter(TimeSpan.FromSeconds(Math.Max(0.2, Math.Min(_options.RenewSeconds, Remaining.TotalSeconds))));
            var (held, wish) = await _leases.RenewAsync(Operation, Epoch, limit.Token);
            if (!held) return TimeSpan.Zero;
            Interlocked.Exchange(ref _renewedAt, asked);
            await HeedAsync(wish);
            return TimeSpan.FromSeconds(_options.RenewSeconds);
        }
        catch (Exception failure) when (!_stop.IsCancellationRequested)
        {
            // Whatever the reason, not being able to renew only matters once the time is up.
            OperationsLog.RenewFailed(_log, Operation, Remaining.TotalSeconds, failure.Message);
            return Remaining <= TimeSpan.Zero ? TimeSpan.Zero : TimeSpan.FromSeconds(Math.Min(0.25, Math.Max(0.01, Remaining.TotalSeconds)));
        }
        catch (Exception failure)
        {
            // Disposed while it asked: the loop ends, and nobody is left whom a failure, of whatever kind, concerns.
            if (failure is not OperationCanceledException) OperationsLog.RenewFailed(_log, Operation, Remaining.TotalSeconds, failure.Message);
            return TimeSpan.FromSeconds(_options.RenewSeconds);
        }
    }

    private async Task<bool> PauseAsync(TimeSpan pause)
    {
        try
        {
            await _nudge.WaitAsync(pause, _stop.Token);
            return true;
        }
        catch (OperationCanceledException)
        {
            return false;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _loop;
        _lost.Dispose();
        _wished.Dispose();
        _takenOver.Dispose();
        _stop.Dispose();
        _nudge.Dispose();
    }
}
