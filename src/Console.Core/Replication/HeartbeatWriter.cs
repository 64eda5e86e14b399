using Microsoft.Extensions.Logging;

namespace OpsConsole.Core.Replication;

/// <summary>Writes a heartbeat at each tick, never two at once: a tick that finds the last one still waiting is left out, not queued.</summary>
public sealed partial class HeartbeatWriter(string cluster, IHeartbeatChannel channel, HeartbeatLedger ledger, Action availabilityChanged, TimeProvider time, ILogger logger)
{
    private readonly Guid _writer = Guid.NewGuid();
    private long _sequence;

    public async Task RunAsync(CancellationToken cancel)
    {
        using var timer = new PeriodicTimer(ledger.Interval, time);
        do
        {
            await BeatAsync(cancel);
        }
        while (await timer.WaitForNextTickAsync(cancel));
    }

    private async Task BeatAsync(CancellationToken cancel)
    {
        var beat = new Heartbeat(_writer, ++_sequence, Microseconds(time.GetUtcNow()));
        ledger.Sent(beat);
        try
        {
            var answer = await channel.WriteAsync(beat, cancel);
            if (answer.Acknowledged ? ledger.Acknowledged(beat) : ledger.Failed(answer.Warning ?? "not acknowledged"))
                Changed(answer.Acknowledged ? null : answer.Warning);
        }
        catch (NodeUnavailableException e)
        {
            if (ledger.Failed(e.Message))
                Changed(e.Message);
        }
    }

    // As fine as the database keeps it, so that what is read back equals what was written.
    private static DateTimeOffset Microseconds(DateTimeOffset at) => new(at.Ticks - (at.Ticks % TimeSpan.TicksPerMicrosecond), at.Offset);

    private void Changed(string? problem)
    {
        if (problem is null)
            LogAcknowledged(logger, cluster);
        else
            LogNotAcknowledged(logger, cluster, problem);
        availabilityChanged();
    }

    [LoggerMessage(3010, LogLevel.Information, "Heartbeats of cluster {Cluster} are acknowledged")]
    private static partial void LogAcknowledged(ILogger logger, string cluster);

    [LoggerMessage(3011, LogLevel.Warning, "Heartbeats of cluster {Cluster} are not acknowledged: {Problem}")]
    private static partial void LogNotAcknowledged(ILogger logger, string cluster, string problem);
}
