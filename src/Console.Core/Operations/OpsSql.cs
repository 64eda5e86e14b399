using System.Text.Json.Nodes;
using Npgsql;
using NpgsqlTypes;

namespace OpsConsole.Core.Operations;

/// <summary>Short forms for statements with named parameters. JSON objects go as jsonb, enumerations as their camelCase word.</summary>
internal static class OpsSql
{
    public static NpgsqlCommand Command(this NpgsqlConnection connection, string sql, params ReadOnlySpan<(string Name, object? Value)> parameters)
    {
        var command = new NpgsqlCommand(sql, connection);
        foreach (var (name, value) in parameters)
            command.Parameters.Add(Parameter(name, value));
        return command;
    }

    public static async Task<int> ExecuteAsync(this NpgsqlCommand command, CancellationToken cancel)
    {
        await using (command)
            return await command.ExecuteNonQueryAsync(cancel);
    }

    /// <summary>First column of the first row; default when there is no row or it is null.</summary>
    public static async Task<T?> ScalarAsync<T>(this NpgsqlCommand command, CancellationToken cancel)
    {
        await using (command)
            return await command.ExecuteScalarAsync(cancel) is T value ? value : default;
    }

    public static async Task<List<T>> ListAsync<T>(this NpgsqlCommand command, Func<NpgsqlDataReader, T> map, CancellationToken cancel)
    {
        await using (command)
        {
            var rows = new List<T>();
            await using var reader = await command.ExecuteReaderAsync(cancel);
            while (await reader.ReadAsync(cancel))
                rows.Add(map(reader));
            return rows;
        }
    }

    public static T? Value<T>(this NpgsqlDataReader reader, string column) where T : struct
    {
        var ordinal = reader.GetOrdinal(column);
        return reader.IsDBNull(ordinal) ? null : reader.GetFieldValue<T>(ordinal);
    }

    public static string? Text(this NpgsqlDataReader reader, string column)
    {
        var ordinal = reader.GetOrdinal(column);
        return reader.IsDBNull(ordinal) ? null : reader.GetString(ordinal);
    }

    public static T Word<T>(this NpgsqlDataReader reader, string column) where T : struct, Enum =>
        OperationStates.Parse<T>(reader.GetString(reader.GetOrdinal(column)));

    public static T Get<T>(this NpgsqlDataReader reader, string column) => reader.GetFieldValue<T>(reader.GetOrdinal(column));

    public static JsonObject Json(this NpgsqlDataReader reader, string column) =>
        reader.Text(column) is { } text ? JsonNode.Parse(text)!.AsObject() : [];

    private static NpgsqlParameter Parameter(string name, object? value) => value switch
    {
        JsonNode json => new NpgsqlParameter(name, NpgsqlDbType.Jsonb) { Value = json.ToJsonString(OperationJson.Options) },
        DateTimeOffset at => new NpgsqlParameter(name, NpgsqlDbType.TimestampTz) { Value = at.ToUniversalTime() },
        null => new NpgsqlParameter(name, DBNull.Value),
        _ => new NpgsqlParameter(name, value),
    };
}
