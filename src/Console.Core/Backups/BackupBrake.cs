namespace OpsConsole.Core.Backups;

/// <summary>Holds the reading of a backup back while a client's write takes longer than allowed: what the server may not send it does not read.</summary>
/// <param name="limit">how long a write may take; zero or less: no brake</param>
/// <param name="waiting">for how long the write that is under way has waited by now; null: none is</param>
public sealed class BackupBrake(TimeSpan limit, Func<TimeSpan?> waiting, TimeProvider time)
{
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(10);

    /// <summary>Writes that stand still for longer, although the backup does, stand still for another reason.</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    /// <summary>For how long the backup goes on then, before writes are looked at again.</summary>
    public static readonly TimeSpan Unbraked = TimeSpan.FromSeconds(60);

    // By the monotonic clock: the other may jump.
    private long? _off;

    /// <summary>For how long it was held back so far.</summary>
    public TimeSpan Held { get; private set; }

    /// <summary>Returns when the next bytes may be read.</summary>
    public async ValueTask HoldAsync(CancellationToken cancel)
    {
        if (!TooLong() || (_off is { } off && time.GetElapsedTime(off) < Unbraked)) return;
        var began = time.GetTimestamp();
        var held = TimeSpan.Zero;
        while (TooLong() && held < Patience)
        {
            await Task.Delay(Look, time, cancel);
            held = time.GetElapsedTime(began);
        }
        Held += held;
        if (held >= Patience) _off = time.GetTimestamp();
    }

    private bool TooLong() => limit > TimeSpan.Zero && waiting() > limit;
}
