using Npgsql;
using NpgsqlTypes;

namespace OpsConsole.Core.Health.Telemetry;

/// <summary>Rows of the telemetry tables in and out, in the binary format.</summary>
internal static class RollUpRows
{
    private const string Columns = "series, at, count, errors, client_errors, server_errors, valued, total, greatest, p50, p95, p99, histogram";

    /// <summary>Tallies of raw samples and values per series and interval, ordered by series, then time.</summary>
    public static async Task ReadRawAsync(NpgsqlConnection connection, DateTime from, DateTime to, Tally tally, Func<int, DateTime, Task> done, Level level, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("""
            SELECT series, at, outcome, value FROM (
                SELECT p.series, s.at, s.outcome, s.duration_us / 1000.0::float8 AS value FROM telemetry.sample s JOIN telemetry.probe p ON p.id = s.probe WHERE s.at >= $1 AND s.at < $2
                UNION ALL
                SELECT m.series, m.at, -1::smallint, m.value FROM telemetry.metric m WHERE m.at >= $1 AND m.at < $2) rows
            ORDER BY series, at
            """, connection) { CommandTimeout = 120 };
        Span(command, from, to);
        await using var rows = await command.ExecuteReaderAsync(cancel);
        (int Series, DateTime At)? open = null;
        tally.Clear();
        while (await rows.ReadAsync(cancel))
        {
            var key = (rows.GetInt32(0), level.Floor(rows.GetDateTime(1)));
            if (open is { } last && last != key)
            {
                await done(last.Series, last.At);
                tally.Clear();
            }
            open = key;
            var outcome = rows.GetInt16(2);
            if (outcome < 0)
                tally.AddValue(rows.GetDouble(3));
            else
                tally.AddSample((ProbeOutcome)outcome, rows.GetDouble(3));
        }
        if (open is { } end)
            await done(end.Series, end.At);
    }

    /// <summary>The same from the rows of a finer level.</summary>
    public static async Task ReadFinerAsync(NpgsqlConnection connection, Level finer, DateTime from, DateTime to, Tally tally, Func<int, DateTime, Task> done, Level level, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand($"SELECT {Columns} FROM telemetry.{finer.Name()} WHERE at >= $1 AND at < $2 ORDER BY series, at", connection) { CommandTimeout = 120 };
        Span(command, from, to);
        await using var rows = await command.ExecuteReaderAsync(cancel);
        (int Series, DateTime At)? open = null;
        tally.Clear();
        while (await rows.ReadAsync(cancel))
        {
            var row = Read(rows);
            var key = (row.Series, level.Floor(row.At));
            if (open is { } last && last != key)
            {
                await done(last.Series, last.At);
                tally.Clear();
            }
            open = key;
            tally.AddRow(row);
        }
        if (open is { } end)
            await done(end.Series, end.At);
    }

    /// <summary>Reads a row with all columns, in the order of the table.</summary>
    private static RollUpRow Read(NpgsqlDataReader rows) => new(
        rows.GetInt32(0), rows.GetDateTime(1), rows.GetInt32(2), rows.GetInt32(3), rows.GetInt32(4), rows.GetInt32(5), rows.GetInt32(6), rows.GetDouble(7),
        rows.GetFloat(8), Float(rows, 9), Float(rows, 10), Float(rows, 11), rows.GetFieldValue<byte[]>(12));

    public static async Task WriteAsync(NpgsqlConnection connection, Level level, IReadOnlyCollection<RollUpRow> written, CancellationToken cancel)
    {
        await using var copy = await connection.BeginBinaryImportAsync($"COPY telemetry.{level.Name()} ({Columns}) FROM STDIN (FORMAT BINARY)", cancel);
        foreach (var row in written)
        {
            await copy.StartRowAsync(cancel);
            await copy.WriteAsync(row.Series, NpgsqlDbType.Integer, cancel);
            await copy.WriteAsync(row.At, NpgsqlDbType.TimestampTz, cancel);
            foreach (var number in (int[])[row.Count, row.Errors, row.ClientErrors, row.ServerErrors, row.Valued])
                await copy.WriteAsync(number, NpgsqlDbType.Integer, cancel);
            await copy.WriteAsync(row.Total, NpgsqlDbType.Double, cancel);
            await copy.WriteAsync(row.Greatest, NpgsqlDbType.Real, cancel);
            foreach (var percentile in (float?[])[row.P50, row.P95, row.P99])
                await copy.WriteAsync(percentile, NpgsqlDbType.Real, cancel);
            await copy.WriteAsync(row.Histogram, NpgsqlDbType.Bytea, cancel);
        }
        await copy.CompleteAsync(cancel);
    }

    public static void Span(NpgsqlCommand command, DateTime from, DateTime to)
    {
        command.Parameters.Add(new NpgsqlParameter { Value = from });
        command.Parameters.Add(new NpgsqlParameter { Value = to });
    }

    private static float? Float(NpgsqlDataReader rows, int column) => rows.IsDBNull(column) ? null : rows.GetFloat(column);
}
