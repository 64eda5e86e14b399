namespace OpsConsole.Core.Failover.Detection;

/// <summary>Time that this process lived through. While it, or the whole machine, stands still, what others answer waits unread: such a stall
/// counts as one late tick at most, whatever the clocks say, so that nobody is held lost for it. A clock that is set does not matter either.</summary>
internal sealed class LivedTime(TimeProvider time)
{
    public static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(20);
    /// <summary>What one tick may count: a busy machine is late, a stalled one is later.</summary>
    public static readonly TimeSpan Most = TimeSpan.FromMilliseconds(60);
    private readonly Lock _gate = new();
    private TimeSpan _lived;
    private long _last = time.GetTimestamp();

    public TimeSpan Now { get { lock (_gate) return _lived + SinceLast(); } }

    public async Task RunAsync(CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            await Task.WhenAny(Task.Delay(Tick, time, cancel));
            lock (_gate) (_lived, _last) = (_lived + SinceLast(), time.GetTimestamp());
        }
    }

    /// <summary>Cancels the source when so much time has been lived through, or was cancelled before. Never throws.</summary>
    public async Task CancelAfterAsync(CancellationTokenSource source, TimeSpan length)
    {
        var end = Now + length;
        while (!source.IsCancellationRequested && end - Now is var rest && rest > TimeSpan.Zero) await Task.WhenAny(Task.Delay(rest, time, source.Token));
        await source.CancelAsync();
    }

    private TimeSpan SinceLast() => time.GetElapsedTime(_last) is var since && since < Most ? since : Most;
}
