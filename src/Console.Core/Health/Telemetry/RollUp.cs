using Npgsql;
using OpsConsole.Core.Live;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Health.Telemetry;

/// <summary>Computes minutes from raw rows, hours from minutes, days from hours. A step replaces the rows of its span and moves the
/// watermark in one transaction, so that a crash loses nothing and doing it twice changes nothing. Runs where observing runs.</summary>
public sealed class RollUp(ConsoleDatabase database, TelemetryWriter writer, TimeProvider time) : IObserver
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(15);
    // After a long absence: how much one transaction does at most.
    private static readonly TimeSpan MostMinutes = TimeSpan.FromMinutes(10);

    private readonly Tally _tally = new();

    public string Name => "roll-up";

    public async Task RunAsync(CancellationToken cancel)
    {
        while (true)
        {
            await CatchUpAsync(Earlier(writer.StoredUpTo, time.GetUtcNow()).UtcDateTime, cancel);
            await Task.Delay(Every, time, cancel);
        }
    }

    /// <summary>Rolls up everything that is complete before <paramref name="stored"/>.</summary>
    public async Task CatchUpAsync(DateTime stored, CancellationToken cancel)
    {
        var complete = stored;
        foreach (var level in Levels.RolledUp)
        {
            complete = level.Floor(complete);
            while (await StepAsync(level, complete, cancel))
            {
                // One span a transaction.
            }
            complete = Earlier(complete, await WatermarkAsync(level, cancel) ?? complete);
        }
    }

    /// <returns>whether there may be more</returns>
    private async Task<bool> StepAsync(Level level, DateTime complete, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        if (await FromAsync(connection, level, cancel) is not { } from || from >= complete)
        {
            // Nothing happened up to there: the level is complete without rows.
            await ExecuteAsync(connection, "UPDATE telemetry.watermark SET upto = $2 WHERE level = $1 AND upto < $2", cancel, level.Name(), complete);
            return false;
        }
        var to = Earlier(complete, from + (level == Level.Minute ? MostMinutes : level.Length()));
        var rows = new List<RollUpRow>();
        Task Done(int series, DateTime at)
        {
            rows.Add(_tally.ToRow(series, at));
            return Task.CompletedTask;
        }
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        // One at a time, even if two nodes think that they lead.
        await ExecuteAsync(connection, "SELECT upto FROM telemetry.watermark WHERE level = $1 FOR UPDATE", cancel, level.Name());
        if (level == Level.Minute)
            await RollUpRows.ReadRawAsync(connection, from, to, _tally, Done, level, cancel);
        else
            await RollUpRows.ReadFinerAsync(connection, level - 1, from, to, _tally, Done, level, cancel);
        await ExecuteAsync(connection, $"DELETE FROM telemetry.{level.Name()} WHERE at >= $1 AND at < $2", cancel, from, to);
        await ExecuteAsync(connection, "SELECT telemetry.cover($1, $2)", cancel, from, to);
        if (rows.Count > 0)
            await RollUpRows.WriteAsync(connection, level, rows, cancel);
        await ExecuteAsync(connection, "INSERT INTO telemetry.watermark (level, upto) VALUES ($1, $2) ON CONFLICT (level) DO UPDATE SET upto = $2", cancel, level.Name(), to);
        await transaction.CommitAsync(cancel);
        return true;
    }

    /// <summary>Where the next step begins: at the watermark while there is something soon after it, else where there is something.</summary>
    private static async Task<DateTime?> FromAsync(NpgsqlConnection connection, Level level, CancellationToken cancel)
    {
        var sources = level == Level.Minute ? (string[])["sample", "metric"] : [(level - 1).Name()];
        await using var mark = new NpgsqlCommand("SELECT upto FROM telemetry.watermark WHERE level = $1", connection);
        mark.Parameters.Add(new NpgsqlParameter { Value = level.Name() });
        var upTo = await mark.ExecuteScalarAsync(cancel) as DateTime?;
        if (upTo is { } recent)
        {
            await using var look = new NpgsqlCommand("SELECT " + string.Join(" OR ", sources.Select(s => $"EXISTS (SELECT FROM telemetry.{s} WHERE at >= $1 AND at < $2)")), connection);
            RollUpRows.Span(look, recent, recent + (level == Level.Minute ? MostMinutes : level.Length()));
            if (await look.ExecuteScalarAsync(cancel) is true)
                return recent;
        }
        var first = string.Join(", ", sources.Select(s => $"(SELECT min(at) FROM telemetry.{s} WHERE at >= $1)"));
        await using var search = new NpgsqlCommand($"SELECT least({first})", connection) { CommandTimeout = 120 };
        search.Parameters.Add(new NpgsqlParameter { Value = upTo ?? DateTime.UnixEpoch });
        return await search.ExecuteScalarAsync(cancel) is DateTime at ? level.Floor(at) : null;
    }

    /// <summary>Up to when a level is complete; null when it has never been rolled up.</summary>
    private async Task<DateTime?> WatermarkAsync(Level level, CancellationToken cancel)
    {
        await using var command = database.App.CreateCommand("SELECT upto FROM telemetry.watermark WHERE level = $1");
        command.Parameters.Add(new NpgsqlParameter { Value = level.Name() });
        return await command.ExecuteScalarAsync(cancel) as DateTime?;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancel, params object[] values)
    {
        await using var command = new NpgsqlCommand(sql, connection) { CommandTimeout = 120 };
        foreach (var value in values)
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        await command.ExecuteNonQueryAsync(cancel);
    }

    private static DateTimeOffset Earlier(DateTimeOffset a, DateTimeOffset b) => a < b ? a : b;

    private static DateTime Earlier(DateTime a, DateTime b) => a < b ? a : b;
}
