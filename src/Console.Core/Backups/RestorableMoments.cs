using OpsConsole.Core.Operations;
using OpsConsole.Core.Persistence;
using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Backups;

/// <summary>Which moments can be restored. Positions of the log are noted with the moment at which the primary was seen there; a moment is restorable
/// once the log up to its position is known to be stored. Log of an older timeline counts up to where that timeline ended, never past it.</summary>
public sealed class RestorableMoments(ConsoleDatabase database, BackupsOptions options, TimeProvider clock)
{
    /// <summary>Notes where the primary is now. Several in the same second are kept as one.</summary>
    public async Task MarkAsync(string cluster, DateTimeOffset at, int timeline, WalPosition position, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await connection.Command("INSERT INTO backups.mark (cluster, at, timeline, lsn) VALUES (@cluster, date_trunc('milliseconds', @at::timestamptz), @timeline, @lsn::pg_lsn) ON CONFLICT DO NOTHING",
            ("cluster", cluster), ("at", at), ("timeline", timeline), ("lsn", position.ToString())).ExecuteAsync(cancel);
    }

    /// <summary>Notes up to where an engine has the log. A smaller position of the same timeline changes nothing.</summary>
    public async Task ArchivedAsync(string cluster, string engine, int timeline, WalPosition position, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await connection.Command("""
            INSERT INTO backups.archived AS a (cluster, engine, timeline, lsn, seen_at) VALUES (@cluster, @engine, @timeline, @lsn::pg_lsn, @now)
            ON CONFLICT (cluster, engine) DO UPDATE SET timeline = EXCLUDED.timeline, lsn = EXCLUDED.lsn, seen_at = EXCLUDED.seen_at
            WHERE (a.timeline, a.lsn) < (EXCLUDED.timeline, EXCLUDED.lsn)
            """, ("cluster", cluster), ("engine", engine), ("timeline", timeline), ("lsn", position.ToString()), ("now", clock.GetUtcNow())).ExecuteAsync(cancel);
    }

    /// <summary>Notes the cluster's history: what an earlier timeline holds past the position at which it was left is in none, and what is known of other
    /// timelines (a restore in place that was taken back leaves one behind) is forgotten.</summary>
    /// <param name="ancestors">of the present timeline, each with the position at which it was left</param>
    public async Task HistoryAsync(string cluster, int timeline, IReadOnlyList<(int Timeline, WalPosition Left)> ancestors, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var earlier = ancestors.Select(a => a.Timeline).ToArray();
        foreach (var table in new[] { "mark", "archived", "gap" })
            await connection.Command($"DELETE FROM backups.{table} WHERE cluster = @cluster AND timeline <> ALL (@kept)", ("cluster", cluster), ("kept", earlier.Append(timeline).ToArray())).ExecuteAsync(cancel);
        await connection.Command("DELETE FROM backups.fork WHERE cluster = @cluster AND timeline <> ALL (@earlier)", ("cluster", cluster), ("earlier", earlier)).ExecuteAsync(cancel);
        foreach (var (ancestor, left) in ancestors)
            await connection.Command("""
                INSERT INTO backups.fork (cluster, timeline, lsn, at) VALUES (@cluster, @timeline, @lsn::pg_lsn, @now) ON CONFLICT (cluster, timeline) DO UPDATE SET lsn = EXCLUDED.lsn WHERE backups.fork.lsn <> EXCLUDED.lsn
                """, ("cluster", cluster), ("timeline", ancestor), ("lsn", left.ToString()), ("now", clock.GetUtcNow())).ExecuteAsync(cancel);
        await transaction.CommitAsync(cancel);
    }

    /// <summary>Those of the backups from which the log leads to the present: not one that was taken on a branch that was left, nor past a fork.</summary>
    public async Task<IReadOnlyList<Backup>> InHistoryAsync(string cluster, IEnumerable<Backup> backups, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        var present = (await connection.Command("SELECT max(timeline) AS timeline FROM backups.mark WHERE cluster = @cluster", ("cluster", cluster)).ListAsync(r => r.Value<int>("timeline"), cancel)).Single();
        var left = (await connection.Command("SELECT timeline, lsn::text AS lsn FROM backups.fork WHERE cluster = @cluster", ("cluster", cluster))
            .ListAsync(r => (Timeline: r.Get<int>("timeline"), At: WalPosition.Parse(r.Get<string>("lsn"))), cancel)).ToDictionary(f => f.Timeline, f => f.At);
        // Of a timeline that was not seen yet nothing bad is known.
        return [.. backups.Where(b => b.Timeline is not { } of || present is null || of >= present || (left.TryGetValue(of, out var at) && (b.StopLsn is null || WalPosition.Parse(b.StopLsn) <= at)))];
    }

    /// <summary>Marks that no restore can need any more are dropped; of those older than an hour one a minute stays: the newest before the timeline's end, and after it; and the first of each timeline.</summary>
    public async Task TrimAsync(CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await using var thin = connection.Command("""
            DELETE FROM backups.mark m USING (
                SELECT m.cluster, m.at, min(m.at) OVER (PARTITION BY m.cluster, m.timeline) AS first,
                    max(m.at) OVER (PARTITION BY m.cluster, m.timeline, date_trunc('minute', m.at), m.lsn <= coalesce(f.lsn, 'FFFFFFFF/FFFFFFFF')) AS last
                FROM backups.mark m LEFT JOIN backups.fork f ON f.cluster = m.cluster AND f.timeline = m.timeline WHERE m.at < @old) o
            WHERE m.cluster = o.cluster AND m.at = o.at AND o.at NOT IN (o.first, o.last)
            """, ("old", clock.GetUtcNow().AddHours(-1)));
        thin.CommandTimeout = 600; // s: the first time there may be millions
        await thin.ExecuteAsync(cancel);
        var before = clock.GetUtcNow() - options.LongestWindow - TimeSpan.FromDays(1);
        await connection.Command("DELETE FROM backups.mark WHERE at < @before", ("before", before)).ExecuteAsync(cancel);
        await LogGaps.TrimAsync(connection, before, cancel);
    }

    /// <summary>Up to where an engine has the log, as the observing node has noted it: what is missing before it is in <see cref="LogGaps"/>. Null: nothing is known.</summary>
    public async Task<ArchivedLog?> StoredAsync(string cluster, string engine, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return (await connection.Command("SELECT timeline, lsn::text AS lsn FROM backups.archived WHERE cluster = @cluster AND engine = @engine", ("cluster", cluster), ("engine", engine))
            .ListAsync(r => new ArchivedLog(r.Get<int>("timeline"), WalPosition.Parse(r.Get<string>("lsn"))), cancel)).SingleOrDefault();
    }

    /// <summary>Asked for every second: read from the newest mark on, of which only those are passed over that are not stored yet.</summary>
    internal const string NewestSql = """
        SELECT a.engine, newest.at FROM backups.archived a CROSS JOIN LATERAL (
            SELECT m.at FROM backups.mark m LEFT JOIN backups.fork f ON f.cluster = m.cluster AND f.timeline = m.timeline
            WHERE m.cluster = a.cluster AND m.lsn <= coalesce(f.lsn, 'FFFFFFFF/FFFFFFFF') AND ((m.timeline = a.timeline AND m.lsn <= a.lsn) OR m.timeline < a.timeline)
            ORDER BY m.at DESC LIMIT 1) newest
        WHERE a.cluster = @cluster
        """;

    /// <summary>For each engine the newest moment up to which it has the log: what one has stored is of no use to a backup of another.</summary>
    public async Task<IReadOnlyDictionary<string, DateTimeOffset>> NewestAsync(string cluster, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return (await connection.Command(NewestSql, ("cluster", cluster)).ListAsync(r => (Engine: r.Get<string>("engine"), At: r.Get<DateTimeOffset>("at")), cancel)).ToDictionary(r => r.Engine, r => r.At);
    }

    /// <summary>For each backup that a gap of its engine's log bounds, the newest moment that it restores to.</summary>
    public async Task<IReadOnlyDictionary<Guid, DateTimeOffset>> ReachAsync(string cluster, IReadOnlyList<Backup> backups, CancellationToken cancel) => Reach(backups, await GapsAsync(cluster, cancel));

    private static Dictionary<Guid, DateTimeOffset> Reach(IReadOnlyList<Backup> backups, List<KnownGap> gaps) => backups.Select(b => (b.Id, To: KnownGap.Reach(b, gaps)))
        .Where(r => r.To is not null).ToDictionary(r => r.Id, r => r.To!.Value);

    /// <summary>How fast the log grows (bytes an hour, over the last hour) and how much was written since a moment; null where nothing is known.</summary>
    public async Task<(double? BytesPerHour, double? BytesSince)> LoadAsync(string cluster, DateTimeOffset? since, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        var now = clock.GetUtcNow();
        return (await connection.Command("""
            SELECT CASE WHEN max(at) FILTER (WHERE at > @hour) - min(at) FILTER (WHERE at > @hour) > interval '1 minute'
                    THEN (max(lsn) FILTER (WHERE at > @hour) - min(lsn) FILTER (WHERE at > @hour))::float8 * 3600 / extract(epoch FROM max(at) FILTER (WHERE at > @hour) - min(at) FILTER (WHERE at > @hour))::float8 END AS rate,
                (max(lsn) - max(lsn) FILTER (WHERE at <= @since::timestamptz))::float8 AS since
            FROM backups.mark WHERE cluster = @cluster
            """, ("cluster", cluster), ("hour", now.AddHours(-1)), ("since", since)).ListAsync(r => (r.Value<double>("rate"), r.Value<double>("since")), cancel)).Single();
    }

    /// <param name="backups">of this cluster</param>
    public async Task<RestorableRange?> RangeAsync(string cluster, IReadOnlyList<Backup> backups, CancellationToken cancel)
    {
        var usable = await InHistoryAsync(cluster, backups.Where(b => b.IsUsable && b.Type.IsPhysical()), cancel);
        if (usable.Count == 0) return null;
        var logged = await NewestAsync(cluster, cancel);
        // The end of a backup can be restored whatever is known of the log; a log without a backup of its engine leads nowhere.
        var gaps = await GapsAsync(cluster, cancel);
        var reach = Reach(usable, gaps);
        DateTimeOffset To(Backup b) => reach.TryGetValue(b.Id, out var bound) && bound < logged.GetValueOrDefault(b.Engine) ? bound : logged.GetValueOrDefault(b.Engine);
        var (oldest, to) = (usable.Min(b => b.EndedAt), usable.Select(b => b.EndedAt).Concat(usable.Select(To)).Max());
        var window = clock.GetUtcNow() - options.WindowOf(cluster);
        return new RestorableRange(oldest > window ? oldest : window, to, await ForksAsync(cluster, oldest, cancel))
        {
            Gaps = [.. gaps.Where(g => usable.Any(g.Bounds)).Select(g => new LogGap(g.Engine, g.Begins, usable.Where(b => b.Engine == g.Engine && !g.Bounds(b)).Min(b => (DateTimeOffset?)b.EndedAt), g.From.ToString(), g.To.ToString()))],
        };
    }

    private async Task<List<KnownGap>> GapsAsync(string cluster, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return await LogGaps.ReadAsync(connection, cluster, cancel);
    }

    private async Task<IReadOnlyList<HistoryFork>> ForksAsync(string cluster, DateTimeOffset since, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return await connection.Command("""
            SELECT f.timeline, (SELECT m.at FROM backups.mark m WHERE m.cluster = f.cluster AND m.timeline = f.timeline AND m.lsn <= f.lsn ORDER BY m.at DESC LIMIT 1) AS ended,
                (SELECT m.at FROM backups.mark m WHERE m.cluster = f.cluster AND m.timeline = (SELECT min(l.timeline) FROM backups.mark l WHERE l.cluster = f.cluster AND l.timeline > f.timeline) ORDER BY m.at LIMIT 1) AS began
            FROM backups.fork f WHERE f.cluster = @cluster ORDER BY f.timeline
            """, ("cluster", cluster))
            .ListAsync(r => (Timeline: r.Get<int>("timeline"), Ended: r.Value<DateTimeOffset>("ended"), Began: r.Value<DateTimeOffset>("began")), cancel) is { } rows
            ? [.. rows.Where(f => f is { Ended: not null, Began: not null } && f.Began > since).Select(f => new HistoryFork(f.Timeline, f.Ended!.Value, f.Began!.Value))]
            : [];
    }
}
