using System.Globalization;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Replication;

/// <summary>What is known of one link. Null figures are unknown, never zero.</summary>
public sealed record LinkReading(
    string Source, string Target, HealthStatus Status, string State, string? Sync, long? LagBytes, double? LagSeconds, double? HeartbeatLagSeconds, DateTimeOffset? At, string Reason);

/// <summary>RE-1: state, lag and verdict of the link from a source to a standby.</summary>
public static class LinkAssessment
{
    public const string Disconnected = "disconnected";

    public static LinkReading Assess(ClusterView view, ClusterOptions cluster, string source, string target, WalClock clock, ReplicationOptions limits)
    {
        var from = view.Fresh(source);
        var to = view.Fresh(target);
        var sender = from?.Senders.FirstOrDefault(s => IsNamed(s.ApplicationName, cluster, target));
        var at = (from, to) switch
        {
            (null, null) => null,
            (null, _) => view.Nodes[target].ObservedAt,
            _ => view.Nodes[source].ObservedAt,
        };
        var heartbeatLag = HeartbeatLag(view, target);
        if (sender is not null)
        {
            var bytes = Bytes(from, sender.Replayed ?? to?.Replayed);
            var seconds = Seconds(sender.ReplayLagSeconds, bytes, sender.Replayed ?? to?.Replayed, clock, from!, to, view.Now);
            var (status, reason) = Verdict(sender.State, seconds, limits);
            return new LinkReading(source, target, status, sender.State, sender.Sync, bytes, seconds, heartbeatLag, at, reason);
        }
        if (from is null && to is null)
            return new LinkReading(source, target, HealthStatus.Unknown, Disconnected, null, null, null, null, null, "neither end answers the console");
        if (from is null)
            return to!.Receiver is { Status: "streaming" }
                ? new LinkReading(source, target, HealthStatus.Unknown, "streaming", null, null, null, heartbeatLag, at, $"{source} does not answer the console; {target} says that it receives")
                : new LinkReading(source, target, HealthStatus.Failed, Disconnected, null, null, null, heartbeatLag, at, $"{target} receives nothing, and {source} does not answer");
        var missing = to is { InRecovery: true } ? Bytes(from, to.Replayed) : null;
        var behind = to is { InRecovery: true } ? Seconds(null, missing, to.Replayed, clock, from, to, view.Now) : null;
        return new LinkReading(source, target, HealthStatus.Failed, Disconnected, null, missing, behind, heartbeatLag, at,
            to is null ? $"{source} has no stream to {target}, which does not answer" : $"{source} has no stream to {target}");
    }

    public static bool IsNamed(string applicationName, ClusterOptions cluster, string region) =>
        cluster.Nodes.Find(n => n.Region == region) is { } node && Plain(applicationName) == Plain(node.ApplicationName.Length > 0 ? node.ApplicationName : region);

    private static string Plain(string name) => name.Replace('-', '_');

    private static long? Bytes(NodeObservation? source, WalPosition? replayed) =>
        source?.Position is { } current && replayed is { } reached ? current.BytesAhead(reached) : null;

    private static double? Seconds(double? reported, long? bytes, WalPosition? replayed, WalClock clock, NodeObservation source, NodeObservation? standby, DateTimeOffset now)
    {
        if (bytes is null || replayed is not { } reached)
            return null;
        if (bytes == 0)
            return 0;
        var behind = Math.Max(reported ?? 0, clock.SecondsBehind(reached, now));
        // Longer ago than the clock remembers: the newest replayed commit is older still.
        return reported is null && behind > 600 && standby?.LastReplayedCommitAt is { } commit
            ? Math.Max(behind, (source.ServerTime - commit).TotalSeconds)
            : behind;
    }

    private static (HealthStatus, string) Verdict(string state, double? seconds, ReplicationOptions limits)
    {
        var lag = string.Create(CultureInfo.InvariantCulture, $"{seconds:F0} s behind");
        if (seconds >= limits.CriticalLagSeconds)
            return (HealthStatus.Critical, lag);
        if (seconds >= limits.DegradedLagSeconds)
            return (HealthStatus.Degraded, lag);
        return state == "streaming" ? (HealthStatus.Healthy, "streaming") : (HealthStatus.Degraded, state);
    }

    // How long the oldest acknowledged heartbeat that the standby does not hold had been there when it was asked. Unlike the difference of the
    // two newest this does not jump by whole intervals.
    private static double? HeartbeatLag(ClusterView view, string target)
    {
        if (view.Fresh(target) is not { Heartbeat: not null } || view.Nodes[target] is not { AcknowledgedThen: not null } reading)
            return null;
        return reading.MissingSince is { } since ? Math.Max(0, (reading.ObservedAt!.Value - since).TotalSeconds) : 0;
    }
}
