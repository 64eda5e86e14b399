using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Tests.Replication;

public sealed class HeartbeatTests
{
    private readonly FakeTimeProvider _time = new(new DateTimeOffset(2026, 5, 1, 0, 0, 0, TimeSpan.Zero));
    private readonly HeartbeatLedger _ledger = new(TimeSpan.FromSeconds(1));

    [Fact]
    public void Status_BeforeTheFirstOutcome_Unknown()
    {
        _ledger.Sent(Beat(1));

        Assert.Null(_ledger.Status(_time.GetUtcNow()).Available);
    }

    [Fact]
    public void Status_WaitingTooLong_UnavailableWithTheWait()
    {
        _ledger.Sent(Beat(1));
        _time.Advance(TimeSpan.FromSeconds(2.5));

        var status = _ledger.Status(_time.GetUtcNow());

        Assert.False(status.Available);
        Assert.Contains("2.5 s", status.Problem);
    }

    [Fact]
    public void Status_FailedThenAcknowledged_AvailableAgain()
    {
        _ledger.Failed("refused");
        Assert.False(_ledger.Status(_time.GetUtcNow()).Available);

        _ledger.Acknowledged(Beat(2));

        Assert.True(_ledger.Status(_time.GetUtcNow()).Available);
        Assert.Equal(2, _ledger.Status(_time.GetUtcNow()).LastAcknowledged!.Value.Sequence);
    }

    [Fact]
    public void Status_AvailabilityPercent_IsTheShareOfSeconds()
    {
        for (var second = 0; second < 100; second++)
        {
            if (second < 75)
                _ledger.Acknowledged(Beat(second + 1));
            else
                _ledger.Failed("refused");
            _ledger.Status(_time.GetUtcNow());
            _time.Advance(TimeSpan.FromSeconds(1));
        }

        Assert.Equal(75, _ledger.Status(_time.GetUtcNow().AddSeconds(-1)).AvailabilityPercent!.Value, 3);
    }

    [Fact]
    public void FirstAfter_NodeLacksSome_IsTheOldestOfThem()
    {
        Heartbeat[] beats = [Beat(1), Beat(2) with { At = _time.GetUtcNow().AddSeconds(1) }, Beat(3) with { At = _time.GetUtcNow().AddSeconds(2) }];
        foreach (var beat in beats)
            _ledger.Acknowledged(beat);

        Assert.Equal(beats[1], _ledger.FirstAfter(beats[0].At));
        Assert.Null(_ledger.FirstAfter(beats[2].At));
        Assert.Equal(beats[1..], _ledger.AcknowledgedSince(beats[1].At));
    }

    [Fact]
    public async Task Writer_ChannelWaits_NeverTwoAtOnce()
    {
        var channel = new FakeChannel();
        using var cancel = new CancellationTokenSource();
        var running = new HeartbeatWriter("orders", channel, _ledger, () => { }, _time, NullLogger.Instance).RunAsync(cancel.Token);
        await channel.Started.Task;

        for (var i = 0; i < 30; i++)
            _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(1, channel.Written);

        channel.Answer(new HeartbeatAnswer(true, null));
        await channel.Started.Task;
        Assert.Equal(2, channel.Written); // one tick was kept, the others were not queued

        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task Writer_CommitWithWarning_IsNotAcknowledged()
    {
        var channel = new FakeChannel();
        var changed = new TaskCompletionSource();
        using var cancel = new CancellationTokenSource();
        var running = new HeartbeatWriter("orders", channel, _ledger, changed.SetResult, _time, NullLogger.Instance).RunAsync(cancel.Token);
        await channel.Started.Task;

        channel.Answer(new HeartbeatAnswer(false, "canceling wait for synchronous replication"));
        await changed.Task;

        var status = _ledger.Status(_time.GetUtcNow());
        Assert.False(status.Available);
        Assert.Null(status.LastAcknowledged);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    private Heartbeat Beat(long sequence) => new(Guid.Empty, sequence, _time.GetUtcNow());

    private sealed class FakeChannel : IHeartbeatChannel
    {
        private TaskCompletionSource<HeartbeatAnswer> _answer = new();

        public TaskCompletionSource Started { get; private set; } = new();
        public int Written { get; private set; }

        public void Answer(HeartbeatAnswer answer)
        {
            var waiting = _answer;
            (Started, _answer) = (new TaskCompletionSource(), new TaskCompletionSource<HeartbeatAnswer>());
            waiting.SetResult(answer);
        }

        public Task<HeartbeatAnswer> WriteAsync(Heartbeat beat, CancellationToken cancel)
        {
            Written++;
            Started.TrySetResult();
            return _answer.Task.WaitAsync(cancel);
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
