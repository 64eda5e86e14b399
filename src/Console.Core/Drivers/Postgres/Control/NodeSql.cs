using Npgsql;

namespace OpsConsole.Core.Drivers.Postgres.Control;

/// <summary>Small statements on one node. ALTER SYSTEM and the replication functions take no parameters, so literals are quoted here.</summary>
internal static class NodeSql
{
    public static async Task ExecuteAsync(this NpgsqlConnection connection, string sql, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancel);
    }

    public static async Task<T?> ScalarAsync<T>(this NpgsqlConnection connection, string sql, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync(cancel) is T value ? value : default;
    }

    public static async Task<IReadOnlyList<T>> ListAsync<T>(this NpgsqlConnection connection, string sql, Func<NpgsqlDataReader, T> read, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await using var reader = await command.ExecuteReaderAsync(cancel);
        var rows = new List<T>();
        while (await reader.ReadAsync(cancel)) rows.Add(read(reader));
        return rows;
    }

    public static string Literal(string value) => value.Contains('\\', StringComparison.Ordinal)
        ? $" E'{value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "''", StringComparison.Ordinal)}'"
        : $"'{value.Replace("'", "''", StringComparison.Ordinal)}'";

    /// <summary>Sets what ALTER SYSTEM can set and reloads; each statement is a transaction of its own, as ALTER SYSTEM demands.</summary>
    public static async Task AlterSystemAsync(this NpgsqlConnection connection, IEnumerable<(string Name, string Value)> settings, CancellationToken cancel)
    {
        foreach (var (name, value) in settings)
            await connection.ExecuteAsync($"ALTER SYSTEM SET {name} = {Literal(value)}", cancel);
        await connection.ExecuteAsync("SELECT pg_reload_conf()", cancel);
    }

    /// <summary>Looks until it is as wanted. Server state has no events: a look costs a round trip, so the pause is short.</summary>
    /// <param name="pause">between two looks that cost more than a round trip; 5 ms otherwise</param>
    /// <exception cref="TimeoutException">not within <paramref name="limit"/>; the message is <paramref name="otherwise"/></exception>
    public static async Task UntilAsync(Func<Task<bool>> look, TimeSpan limit, TimeProvider time, Func<string> otherwise, CancellationToken cancel, TimeSpan? pause = null)
    {
        var start = time.GetTimestamp();
        while (!await look())
        {
            if (time.GetElapsedTime(start) > limit) throw new TimeoutException(otherwise());
            await Task.Delay(pause ?? TimeSpan.FromMilliseconds(5), time, cancel);
        }
    }
}
