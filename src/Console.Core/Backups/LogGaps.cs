using Npgsql;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Persistence;
using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Backups;

/// <summary>Log of a cluster that one engine does not have and cannot get any more.</summary>
/// <param name="Timeline">of the log that follows it</param>
public sealed record MissingLog(int Timeline, WalPosition From, WalPosition To);

/// <summary>A gap as it bounds restores by one engine: backups from before it reach <paramref name="Begins"/>, later moments need a backup that ended after it.</summary>
/// <param name="Begins">last moment before it, by what is known of the log; null: nothing is known</param>
/// <param name="Ends">end of the first usable backup after it; null: there is none, take a full one</param>
public sealed record LogGap(string Engine, DateTimeOffset? Begins, DateTimeOffset? Ends, string FromLsn, string ToLsn);

/// <summary>Puts gaps of the log on record.</summary>
public interface ILogGaps
{
    /// <summary>One that meets a known one makes that wider; a new one raises an alarm.</summary>
    /// <returns>whether it was not known</returns>
    Task<bool> RecordAsync(string cluster, string engine, MissingLog missing, CancellationToken cancel);
}

/// <summary>Gaps of the log, in the database: they outlive whoever saw them.</summary>
public sealed class LogGaps(ConsoleDatabase database, IEnumerable<IAlarmSink> alarms, TimeProvider clock) : ILogGaps
{
    public const string AlarmKind = "backupGap";

    public async Task<bool> RecordAsync(string cluster, string engine, MissingLog missing, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        var added = await connection.Command("""
            WITH known AS (
                UPDATE backups.gap SET from_lsn = least(from_lsn, @from::pg_lsn), to_lsn = greatest(to_lsn, @to::pg_lsn)
                WHERE cluster = @cluster AND engine = @engine AND timeline = @timeline AND from_lsn <= @to::pg_lsn AND to_lsn >= @from::pg_lsn RETURNING 1)
            INSERT INTO backups.gap (cluster, engine, timeline, from_lsn, to_lsn, at) SELECT @cluster, @engine, @timeline, @from::pg_lsn, @to::pg_lsn, @now WHERE NOT EXISTS (SELECT 1 FROM known)
            """, ("cluster", cluster), ("engine", engine), ("timeline", missing.Timeline), ("from", missing.From.ToString()), ("to", missing.To.ToString()), ("now", clock.GetUtcNow())).ExecuteAsync(cancel);
        if (added > 0) Raise(cluster, engine, missing);
        return added > 0;
    }

    private void Raise(string cluster, string engine, MissingLog missing)
    {
        var alarm = new Alarm(AlarmKind, $"The log of {cluster} has a gap", $"{engine} does not have {missing.From} to {missing.To}: moments after that begins cannot be restored until a later backup ends. Take a full backup by {engine} now.",
            null, Person.Console.Email, clock.GetUtcNow()) { OnRecord = false };
        foreach (var sink in alarms) sink.Raise(alarm);
    }

    /// <summary>Those of the history that the cluster has now, oldest first.</summary>
    internal static Task<List<KnownGap>> ReadAsync(NpgsqlConnection connection, string cluster, CancellationToken cancel) => connection.Command("""
        SELECT g.engine, g.from_lsn::text AS from_lsn, g.to_lsn::text AS to_lsn, g.at,
            (SELECT max(m.at) FROM backups.mark m WHERE m.cluster = g.cluster AND m.timeline <= g.timeline AND m.lsn <= g.from_lsn) AS begins
        FROM backups.gap g LEFT JOIN backups.fork f ON f.cluster = g.cluster AND f.timeline = g.timeline
        WHERE g.cluster = @cluster AND (f.lsn IS NULL OR g.from_lsn < f.lsn) ORDER BY g.from_lsn
        """, ("cluster", cluster)).ListAsync(r => new KnownGap(r.Get<string>("engine"), WalPosition.Parse(r.Get<string>("from_lsn")), WalPosition.Parse(r.Get<string>("to_lsn")), r.Get<DateTimeOffset>("at"), r.Value<DateTimeOffset>("begins")), cancel);

    /// <summary>Those from before every backup that is left bound nothing any more.</summary>
    /// <param name="before">noticed before: a backup that ended before a newer gap may not be in the catalogue yet</param>
    internal static Task<int> TrimAsync(NpgsqlConnection connection, DateTimeOffset before, CancellationToken cancel) => connection.Command("""
        DELETE FROM backups.gap g WHERE g.at < @before AND NOT EXISTS (
            SELECT 1 FROM backups.backup b WHERE b.cluster = g.cluster AND b.engine = g.engine AND b.state <> 'expired' AND (b.stop_lsn IS NULL OR b.stop_lsn::pg_lsn < g.to_lsn))
        """, ("before", before)).ExecuteAsync(cancel);
}

/// <param name="At">when it was noticed</param>
/// <param name="Begins">last moment seen before it; null: none is known</param>
internal sealed record KnownGap(string Engine, WalPosition From, WalPosition To, DateTimeOffset At, DateTimeOffset? Begins)
{
    /// <summary>Whether the way from a backup to later moments leads through it.</summary>
    public bool Bounds(Backup backup) => backup.Engine == Engine && (backup.StopLsn is { } stop ? WalPosition.Parse(stop) < To : backup.EndedAt < At);

    /// <summary>Newest moment that the backup restores to in spite of the gaps; null: none bounds it.</summary>
    public static DateTimeOffset? Reach(Backup backup, IEnumerable<KnownGap> gaps) => gaps.FirstOrDefault(g => g.Bounds(backup)) is not { } first ? null
        : first.Begins > backup.EndedAt ? first.Begins : backup.EndedAt;
}
