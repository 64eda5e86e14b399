using System.Collections.Concurrent;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Backups.Streaming;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Objectives;

namespace OpsConsole.Core.Backups;

/// <summary>What would be lost if a cluster had to be restored from its backups now.</summary>
/// <param name="Seconds">age of the newest restorable moment; null: nothing can be restored, or it has not been looked for yet</param>
/// <param name="LimitSeconds">the policy's, else the cluster's RPO target</param>
/// <param name="Reason">why it is over the limit, and what to do; empty while it is within</param>
public sealed record RestorableReading(DateTimeOffset? NewestRestorableAt, double? Seconds, double LimitSeconds, string Reason)
{
    public bool Over => Seconds > LimitSeconds;
}

/// <summary>Holds the age of the newest restorable moment against the policy's limit, and raises an alarm once when it goes over.</summary>
public sealed class RestorableRpo(FleetModel fleet, BackupsOptions options, WalStreamStates streams, IFleetFeed feed, IEnumerable<IAlarmSink> alarms, TimeProvider time)
{
    public const string AlarmKind = "backupRpo";
    private readonly ConcurrentDictionary<string, bool> _over = [];
    private readonly ConcurrentDictionary<string, LogGap?> _gaps = [];

    public RestorableReading Of(string cluster)
    {
        var declared = fleet.Clusters[cluster];
        var limit = options.PolicyOf(cluster).RestorableWithinSeconds ?? ObjectiveTargets.Rpo(declared.RpoSeconds, declared.Tier).Seconds;
        var newest = feed.Current.Clusters.GetValueOrDefault(cluster)?.NewestRestorableAt;
        var seconds = newest is { } at ? Math.Round(Math.Max(0, (time.GetUtcNow() - at).TotalSeconds), 3) : (double?)null;
        return new RestorableReading(newest, seconds, limit, seconds > limit ? Reason(cluster) : "");
    }

    /// <summary>Called by the node that observes, with each look.</summary>
    /// <param name="gap">the newest one of the log past which no backup leads; null: none</param>
    public void Watch(string cluster, LogGap? gap = null)
    {
        _gaps[cluster] = gap;
        var reading = Of(cluster);
        var before = _over.GetValueOrDefault(cluster);
        _over[cluster] = reading.Over;
        if (!reading.Over || before) return;
        var alarm = new Alarm(AlarmKind, $"{cluster} could be restored only to {reading.Seconds:0} s ago", $"The limit is {reading.LimitSeconds:0} s. {reading.Reason}", null, Person.Console.Email, time.GetUtcNow()) { OnRecord = false };
        foreach (var sink in alarms) sink.Raise(alarm);
    }

    private string Reason(string cluster)
    {
        if (feed.Current.Clusters.GetValueOrDefault(cluster)?.PrimaryRegion is null) return "There is no primary whose log could be stored: bring one back (failover).";
        if (_gaps.GetValueOrDefault(cluster) is { } gap) return $"The log that {gap.Engine} keeps has a gap: take a full backup by {gap.Engine}.";
        if (streams.Of(cluster) is not { } stream) return "Look at archive_command's errors in the primary's log: a repository may be out of reach, full, or refuse the credentials.";
        var said = stream.Copies.Where(c => c.Failure is not null).Select(c => $"{c.Repository}: {c.Failure}").ToList();
        if (said.Count == 0 && stream.Failure is { } failure) said.Add(failure);
        return said.Count > 0 ? $"The log is not stored: {string.Join("; ", said)}" : "The repositories take the log, but too slowly: look at their load and the way there.";
    }
}
