using System.Net.Sockets;
using OpsConsole.Core.Drivers.Postgres;
using OpsConsole.Core.Drivers.Postgres.Wire;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Failover.Measuring;

/// <summary>A heartbeat that the cluster acknowledged to a client.</summary>
/// <param name="Pace">interval of the heartbeats when it was sent</param>
/// <param name="First">nothing was written for a while before it, because nobody wanted it: the time before says nothing</param>
public readonly record struct Pulse(long Sequence, DateTimeOffset At, TimeSpan Pace, bool First);

/// <param name="LongestGap">between two acknowledged heartbeats in a row; null when fewer than two were seen</param>
/// <param name="Resolution">interval of the heartbeats when the gap began: what it is known to</param>
public sealed record PulseReport(TimeSpan? LongestGap, DateTimeOffset? GapBegan, TimeSpan Resolution, IReadOnlyList<Pulse> Acknowledged);

/// <summary>Writes heartbeats through the endpoint that clients use, one at a time, and remembers which were acknowledged: what clients
/// experience, measured. A heartbeat with a warning (its wait for standbys was cut short) does not count. While a cluster is not
/// watched at this pace nothing is written.</summary>
public sealed class PulseMeter(ClusterOptions cluster, TimeProvider time) : IAsyncDisposable
{
    /// <summary>Acknowledgements that are remembered: ten minutes at 20 ms.</summary>
    private const int Remembered = 30_000;
    private static readonly TimeSpan GiveUp = TimeSpan.FromSeconds(10);
    private readonly Lock _gate = new();
    private readonly Queue<Pulse> _acknowledged = [];
    private readonly Dictionary<string, (TimeSpan Interval, DateTimeOffset Until)> _wishes = [];
    private readonly CancellationTokenSource _over = new();
    private readonly SemaphoreSlim _wake = new(0);
    private Task _loop = Task.CompletedTask;
    private bool _running;
    private long _sequence;
    private DateTimeOffset? _pendingSince;
    private Exception? _lastFailure;
    private DateTimeOffset? _failedAt;

    /// <summary>Writer id in the heartbeat table.</summary>
    public Guid Writer { get; } = Guid.NewGuid();

    /// <summary>Since when the heartbeat now under way has had no answer; null when none is under way.</summary>
    public DateTimeOffset? PendingSince { get { lock (_gate) return _pendingSince; } }

    public DateTimeOffset? LastAcknowledgedAt { get { lock (_gate) return _acknowledged.Count == 0 ? null : _acknowledged.Last().At; } }

    /// <summary>The newest failure that no acknowledgement has followed.</summary>
    public (Exception Failure, DateTimeOffset At)? LastFailure { get { lock (_gate) return _lastFailure is { } f && _failedAt is { } at ? (f, at) : null; } }

    /// <summary>Keeps heartbeats going at this pace; the quickest wish counts. Asking again under the same name prolongs it.</summary>
    public void Keep(string name, TimeSpan interval, TimeSpan forSoLong)
    {
        lock (_gate)
        {
            _wishes[name] = (interval, time.GetUtcNow() + forSoLong);
            if (!_running && !_over.IsCancellationRequested)
            {
                _running = true;
                _loop = Task.Run(() => RunAsync(_over.Token));
            }
        }
        if (_wake.CurrentCount == 0) _wake.Release();
    }

    public void Release(string name)
    {
        lock (_gate) _wishes.Remove(name);
    }

    public PulseReport Report(DateTimeOffset since)
    {
        lock (_gate)
        {
            var acknowledged = _acknowledged.Where(p => p.At >= since).ToList();
            TimeSpan? longest = null;
            Pulse? began = null;
            for (var i = 1; i < acknowledged.Count; i++)
            {
                var gap = acknowledged[i].At - acknowledged[i - 1].At;
                if (!acknowledged[i].First && (longest is null || gap > longest)) (longest, began) = (gap, acknowledged[i - 1]);
            }
            return new PulseReport(longest, began?.At, began?.Pace ?? Interval() ?? TimeSpan.Zero, acknowledged);
        }
    }

    private TimeSpan? Interval()
    {
        var now = time.GetUtcNow();
        foreach (var gone in _wishes.Where(w => w.Value.Until < now).Select(w => w.Key).ToList()) _wishes.Remove(gone);
        return _wishes.Count == 0 ? null : _wishes.Values.Min(w => w.Interval);
    }

    private async Task RunAsync(CancellationToken cancel)
    {
        WireConnection? connection = null;
        var (ready, first) = (false, true);
        while (true)
        {
            TimeSpan interval;
            lock (_gate)
            {
                if (cancel.IsCancellationRequested || Interval() is not { } wanted)
                {
                    _running = false;
                    break;
                }
                interval = wanted;
                _pendingSince = time.GetUtcNow();
            }
            var start = time.GetTimestamp();
            try
            {
                using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
                limit.CancelAfter(GiveUp);
                connection ??= await WireConnection.OpenAsync(cluster.WriteEndpoint, cluster.Username, cluster.Password, cluster.Database, "opsconsole-pulse", limit.Token);
                if (!ready) await connection.QueryAsync(PostgresSql.CreateHeartbeats, limit.Token);
                ready = true;
                first &= !await BeatAsync(connection, interval, first, limit.Token);
            }
            catch (Exception e) when (e is WireException or IOException or SocketException or OperationCanceledException or ObjectDisposedException)
            {
                lock (_gate) (_lastFailure, _failedAt) = (e, time.GetUtcNow());
                connection?.Dispose();
                connection = null;
            }
            lock (_gate) _pendingSince = null;
            await PauseAsync(interval - time.GetElapsedTime(start), cancel);
        }
        connection?.Dispose();
    }

    /// <returns>whether it was acknowledged</returns>
    private async Task<bool> BeatAsync(WireConnection connection, TimeSpan pace, bool first, CancellationToken cancel)
    {
        var sequence = ++_sequence;
        var answer = await connection.QueryAsync($"INSERT INTO {PostgresSql.HeartbeatTable} (writer, sequence, at) VALUES ('{Writer}', {sequence}, '{time.GetUtcNow():O}')", cancel);
        if (answer.Warned) return false;
        lock (_gate)
        {
            _acknowledged.Enqueue(new Pulse(sequence, time.GetUtcNow(), pace, first));
            while (_acknowledged.Count > Remembered) _acknowledged.Dequeue();
            (_lastFailure, _failedAt) = (null, null);
        }
        return true;
    }

    private async Task PauseAsync(TimeSpan pause, CancellationToken cancel)
    {
        if (pause <= TimeSpan.Zero) pause = TimeSpan.FromMilliseconds(1);
        // A wish for a quicker pace ends the pause; so does the end. WhenAny does not throw for a cancelled one.
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        await Task.WhenAny(Task.Delay(pause, time, over.Token), _wake.WaitAsync(over.Token));
        await over.CancelAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        await _loop;
        _over.Dispose();
        _wake.Dispose();
    }
}

/// <summary>One meter for each cluster.</summary>
public sealed class PulseMeters(FleetModel fleet, TimeProvider time) : IAsyncDisposable
{
    private readonly Dictionary<string, PulseMeter> _meters = fleet.Clusters.Values.Where(c => c.WriteEndpoint.Length > 0).ToDictionary(c => c.Id, c => new PulseMeter(c, time));

    /// <summary>Null for a cluster without a client endpoint.</summary>
    public PulseMeter? Of(string cluster) => _meters.GetValueOrDefault(cluster);

    public async ValueTask DisposeAsync()
    {
        foreach (var meter in _meters.Values) await meter.DisposeAsync();
    }
}
