using Microsoft.Extensions.Options;
using Npgsql;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Health.Telemetry;

/// <summary>Reads stored telemetry at the resolution that fits. What a roll-up does not hold yet is read from the level below, down to
/// the raw rows, in the same query: a chart of a year ends now.</summary>
public sealed class TelemetryHistory(ConsoleDatabase database, SeriesIds ids, FleetModel fleet, IOptions<ObservationOptions> options, TimeProvider time) : IHistory
{
    private const string Figures = "series, at, count, errors, client_errors, server_errors, valued, total, greatest, p50, p95, p99";

    public async Task<IReadOnlyList<HistorySeries>> ReadAsync(HistoryQuery query, CancellationToken cancel = default)
    {
        if (query.To <= query.From)
            throw new ArgumentException("The range ends before it begins.", nameof(query));
        var points = Math.Clamp(query.MaxPoints, 10, 5000);
        var plan = HistoryPlan.For(query.From, query.To, points, query.Keys.Count, time.GetUtcNow(), options.Value);
        var sources = query.Keys.Select(k => (Key: k, Source: SeriesSource.Of(fleet, query.Metric, k, query.Gauge))).ToList();
        await ids.FindAsync([.. sources.Select(s => s.Source.Series)], cancel);
        var series = new List<(string Key, SeriesSource Source, int? Id)>();
        foreach (var (key, source) in sources)
            series.Add((key, source, ids.TryGet(source.Series, out var id) ? id : null));
        var read = await ReadAsync(query, plan, series, cancel);
        return [.. series.Select(s => new HistorySeries(s.Key, plan.Level.Name(), s.Id is { } id && read.TryGetValue(id, out var found) ? HistoryGaps.Mark(found, plan) : []))];
    }

    private async Task<Dictionary<int, List<HistoryPoint>>> ReadAsync(HistoryQuery query, HistoryPlan plan, List<(string Key, SeriesSource Source, int? Id)> series, CancellationToken cancel)
    {
        var read = new Dictionary<int, List<HistoryPoint>>();
        var sourceOf = new Dictionary<int, SeriesSource>();
        foreach (var (_, source, id) in series)
            if (id is { } known)
                sourceOf[known] = source;
        if (sourceOf.Count == 0)
            return read;
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        var marks = await WatermarksAsync(connection, cancel);
        await using var command = new NpgsqlCommand { Connection = connection, CommandTimeout = 30 };
        command.Parameters.Add(new NpgsqlParameter<int[]> { TypedValue = [.. sourceOf.Keys] });
        command.CommandText = Sql(command, query, plan, marks, sourceOf.Values.Any(s => s.OfProbes), sourceOf.Values.Any(s => !s.OfProbes));
        await using var rows = await command.ExecuteReaderAsync(cancel);
        var merge = new PointMerge(plan);
        while (await rows.ReadAsync(cancel))
            if (merge.Add(Row(rows)) is { } complete)
                Keep(complete);
        if (merge.End() is { } last)
            Keep(last);
        return read;

        void Keep(in RollUpRow row)
        {
            if (!read.TryGetValue(row.Series, out var list))
                read[row.Series] = list = [];
            list.Add(sourceOf[row.Series].Point(query.Metric, row.At, row));
        }
    }

    /// <summary>One branch per level: the planned one up to its watermark, then ever finer ones, the raw rows last.</summary>
    private static string Sql(NpgsqlCommand command, HistoryQuery query, HistoryPlan plan, Dictionary<Level, DateTime> marks, bool probes, bool metrics)
    {
        var branches = new List<string>();
        var (from, to) = (plan.Floor(query.From.UtcDateTime), query.To.UtcDateTime);
        for (var level = plan.Level; level >= Level.Raw && from < to; level--)
        {
            var end = level == Level.Raw ? to : Earlier(marks.GetValueOrDefault(level, from), to);
            if (end <= from)
                continue;
            command.Parameters.Add(new NpgsqlParameter { Value = from });
            command.Parameters.Add(new NpgsqlParameter { Value = end });
            var span = $"at >= ${command.Parameters.Count - 1} AND at < ${command.Parameters.Count}";
            if (level != Level.Raw)
                // A point that is one row of the level needs no histogram, and then the index alone answers.
                branches.Add($"SELECT {Figures}, {(plan.Bucket == level.Length() ? "NULL::bytea" : "histogram")} AS histogram FROM telemetry.{level.Name()} WHERE series = ANY ($1) AND {span}");
            else
                branches.AddRange(Raw(span, probes, metrics));
            from = end;
        }
        return $"SELECT * FROM ({string.Join(" UNION ALL ", branches)}) rows ORDER BY series, at";
    }

    private static IEnumerable<string> Raw(string span, bool probes, bool metrics)
    {
        if (probes)
            yield return $"""
                SELECT p.series, s.at, 1, (s.outcome <> 0)::int, (s.outcome = 3)::int, (s.outcome = 4)::int, v.valued, v.ms * v.valued, (v.ms * v.valued)::real,
                       NULLIF(v.ms * v.valued, 0)::real, NULLIF(v.ms * v.valued, 0)::real, NULLIF(v.ms * v.valued, 0)::real, NULL::bytea
                FROM telemetry.probe p
                JOIN telemetry.sample s ON s.probe = p.id,
                LATERAL (SELECT s.duration_us / 1000.0::float8 AS ms, (s.outcome NOT IN (1, 2))::int AS valued) v
                WHERE p.series = ANY ($1) AND {span.Replace("at ", "s.at ", StringComparison.Ordinal)}
                """;
        if (metrics)
            yield return $"SELECT series, at, 1, 0, 0, 0, 1, value, value::real, value::real, value::real, value::real, NULL::bytea FROM telemetry.metric WHERE series = ANY ($1) AND {span}";
    }

    private static async Task<Dictionary<Level, DateTime>> WatermarksAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        var marks = new Dictionary<Level, DateTime>();
        await using var command = new NpgsqlCommand("SELECT level, upto FROM telemetry.watermark", connection);
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
            foreach (var level in Levels.RolledUp)
                if (level.Name() == rows.GetString(0))
                    marks[level] = rows.GetDateTime(1);
        return marks;
    }

    private static RollUpRow Row(NpgsqlDataReader rows) => new(
        rows.GetInt32(0), rows.GetDateTime(1), rows.GetInt32(2), rows.GetInt32(3), rows.GetInt32(4), rows.GetInt32(5), rows.GetInt32(6), rows.GetDouble(7), rows.GetFloat(8),
        Float(rows, 9), Float(rows, 10), Float(rows, 11), rows.IsDBNull(12) ? [] : rows.GetFieldValue<byte[]>(12));

    private static DateTime Earlier(DateTime a, DateTime b) => a < b ? a : b;

    private static float? Float(NpgsqlDataReader rows, int column) => rows.IsDBNull(column) ? null : rows.GetFloat(column);
}
