using OpsConsole.Core.Failover.Measuring;

namespace OpsConsole.Core.Backups;

/// <summary>Brakes of backups that are read through the console. Heartbeats through the clients' endpoint tell how long a write takes, for as long as a backup asks.</summary>
public sealed class WriteBrakes(PulseMeters meters, BackupsOptions options, TimeProvider time)
{
    private static readonly TimeSpan Pace = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan KeepFor = TimeSpan.FromSeconds(10);

    public BackupBrake Of(TakeOrder order)
    {
        var (meter, name) = (meters.Of(order.Cluster), $"backup {order.Operation}");
        return new BackupBrake(TimeSpan.FromMilliseconds(meter is null ? 0 : options.PolicyOf(order.Cluster).WriteLatencyMilliseconds), () =>
        {
            meter!.Keep(name, Pace, KeepFor);
            return time.GetUtcNow() - meter.PendingSince;
        }, time);
    }
}
