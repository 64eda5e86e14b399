namespace OpsConsole.Core.Replication;

/// <summary>When the primary reached which position, by one clock. From it follows how long a standby's position has been
/// out of date, also while its connection stalls and the database's own lag columns stand still.</summary>
public sealed class WalClock
{
    private const int Capacity = 900;
    private readonly Queue<(DateTimeOffset At, WalPosition Position)> _samples = new();
    private WalPosition _newest;

    public void Reached(WalPosition position, DateTimeOffset at)
    {
        if (_samples.Count > 0 && position <= _newest)
            return;
        _samples.Enqueue((at, position));
        _newest = position;
        if (_samples.Count > Capacity)
            _samples.Dequeue();
    }

    /// <summary>After a role change positions of another timeline are not comparable.</summary>
    public void Reset()
    {
        _samples.Clear();
        _newest = default;
    }

    /// <summary>Seconds since the primary first wrote past <paramref name="position"/>; 0 when it has not.
    /// At least the true figure less one sampling interval.</summary>
    public double SecondsBehind(WalPosition position, DateTimeOffset now)
    {
        foreach (var (at, reached) in _samples)
            if (reached > position)
                return Math.Max(0, (now - at).TotalSeconds);
        return 0;
    }
}
