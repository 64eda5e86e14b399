namespace OpsConsole.Core.Replication;

/// <summary>What would be lost if the primary's region vanished now, measured by heartbeats.</summary>
public static class RpoExposure
{
    /// <summary>Seconds of acknowledged writes that the best standby does not hold. While nothing is acknowledged there is nothing
    /// more to lose, so the figure stands still during an outage. The resolution is the heartbeat's interval. Null when no standby has shown a heartbeat.</summary>
    public static double? Seconds(ClusterView view, string? primary)
    {
        double? best = null;
        foreach (var (region, reading) in view.Nodes)
            if (region != primary && reading.Last is { InRecovery: true, Heartbeat: { } held } && Exposure(view, reading, held.At) is var seconds && (best is null || seconds < best))
                best = seconds;
        return best;
    }

    private static double Exposure(ClusterView view, NodeReading reading, DateTimeOffset held)
    {
        // A fresh reading is judged by what was acknowledged when it was made: what came later may be there by now.
        var fresh = reading.IsReachable(view.Now);
        var acknowledged = fresh ? reading.AcknowledgedThen : view.Heartbeat?.LastAcknowledged;
        var seenAt = fresh ? reading.ObservedAt!.Value : view.Now;
        if (acknowledged is not { } newest)
            return Math.Max(0, (seenAt - held).TotalSeconds);
        var writtenUntil = newest.At + view.HeartbeatInterval;
        return Math.Max(0, ((seenAt < writtenUntil ? seenAt : writtenUntil) - held).TotalSeconds);
    }
}
