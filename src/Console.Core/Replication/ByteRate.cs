namespace OpsConsole.Core.Replication;

/// <summary>Bytes a second over the last ten seconds of positions.</summary>
public sealed class ByteRate
{
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(10);
    private readonly Queue<(DateTimeOffset At, WalPosition Position)> _samples = new();

    /// <returns>null until two positions at least half a second apart are known</returns>
    public double? Next(WalPosition position, DateTimeOffset at)
    {
        if (_samples.TryPeek(out var first) && position < first.Position)
            _samples.Clear(); // another timeline
        _samples.Enqueue((at, position));
        while (at - _samples.Peek().At > Window)
            _samples.Dequeue();
        var oldest = _samples.Peek();
        var seconds = (at - oldest.At).TotalSeconds;
        return seconds < 0.5 ? null : position.BytesAhead(oldest.Position) / seconds;
    }
}
