namespace OpsConsole.Core.Replication;

/// <param name="Available">Whether writes through the client endpoint are acknowledged now; null before the first outcome.</param>
/// <param name="LastAcknowledged">newest acknowledged heartbeat</param>
/// <param name="AvailabilityPercent">share of the last 5 min in which writes were available; null before the first outcome</param>
/// <param name="Problem">why they are not; null when they are</param>
public sealed record HeartbeatStatus(bool? Available, Heartbeat? LastAcknowledged, double? AvailabilityPercent, string? Problem);

/// <summary>What became of the heartbeats of one cluster. Thread-safe.</summary>
public sealed class HeartbeatLedger(TimeSpan interval)
{
    private const int WindowSeconds = 300;
    private const int Remembered = 4096;
    private readonly Lock _lock = new();
    private readonly Queue<(long Second, bool Available)> _seconds = new();
    private readonly TimeSpan _patience = TimeSpan.FromSeconds(Math.Max(1, 2 * interval.TotalSeconds));
    private readonly Queue<Heartbeat> _history = new();
    private Heartbeat? _acknowledged;
    private Heartbeat? _outstanding;
    private string? _problem;
    private bool _anyOutcome;
    private DateTimeOffset? _since;

    public TimeSpan Interval => interval;

    public void Sent(Heartbeat beat)
    {
        lock (_lock)
            _outstanding = beat;
    }

    /// <returns>true when this changes whether writes are available</returns>
    public bool Acknowledged(Heartbeat beat)
    {
        lock (_lock)
        {
            var changed = _acknowledged is null || _problem is not null;
            (_acknowledged, _outstanding, _problem, _anyOutcome) = (beat, null, null, true);
            _history.Enqueue(beat);
            if (_history.Count > Remembered)
                _history.Dequeue();
            return changed;
        }
    }

    /// <returns>true when this changes whether writes are available</returns>
    public bool Failed(string problem)
    {
        lock (_lock)
        {
            var changed = _problem is null;
            (_outstanding, _problem, _anyOutcome) = (null, problem, true);
            return changed;
        }
    }

    /// <summary>The first acknowledged heartbeat after the given moment: what a node that holds none newer is missing. Null when nothing is.
    /// Of what was acknowledged before this console's memory begins, the oldest remembered.</summary>
    public Heartbeat? FirstAfter(DateTimeOffset held)
    {
        lock (_lock)
            return _history.Cast<Heartbeat?>().FirstOrDefault(b => b!.Value.At > held);
    }

    /// <summary>Acknowledged heartbeats since the given moment, oldest first, as far as they are remembered.</summary>
    public IReadOnlyList<Heartbeat> AcknowledgedSince(DateTimeOffset from)
    {
        lock (_lock)
            return [.. _history.Where(b => b.At >= from)];
    }

    public HeartbeatStatus Status(DateTimeOffset now)
    {
        lock (_lock)
        {
            var available = Available(now);
            _since ??= now;
            if (available is { } known && (_acknowledged is not null || now - _since > ClusterView.StartGrace))
                Count(now, known);
            return new HeartbeatStatus(available, _acknowledged, Percent(), available == false ? _problem ?? Waiting(now) : null);
        }
    }

    private bool? Available(DateTimeOffset now)
    {
        if (_problem is not null)
            return false;
        if (_outstanding is { } waiting && now - waiting.At > _patience)
            return false;
        return _anyOutcome ? true : null;
    }

    private string Waiting(DateTimeOffset now) =>
        string.Create(System.Globalization.CultureInfo.InvariantCulture, $"a write has been waiting for its acknowledgement for {(now - _outstanding!.Value.At).TotalSeconds:F1} s");

    // One verdict a second; a second with any moment of unavailability counts as unavailable.
    private void Count(DateTimeOffset now, bool available)
    {
        var second = now.ToUnixTimeSeconds();
        if (_seconds.Count > 0 && _seconds.Last() is var last && last.Second == second)
        {
            if (available || !last.Available)
                return;
            var kept = _seconds.Take(_seconds.Count - 1).ToList();
            _seconds.Clear();
            kept.ForEach(_seconds.Enqueue);
        }
        _seconds.Enqueue((second, available));
        while (_seconds.Peek().Second <= second - WindowSeconds)
            _seconds.Dequeue();
    }

    private double? Percent() => _seconds.Count == 0 ? null : 100.0 * _seconds.Count(s => s.Available) / _seconds.Count;
}
