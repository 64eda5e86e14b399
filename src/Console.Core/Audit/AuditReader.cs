using System.Runtime.CompilerServices;
using System.Text;
using Npgsql;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Audit;

public sealed class AuditReader(ConsoleDatabase database) : IAuditReader
{
    private const string Columns = "e.sequence, e.at, e.actor, e.action, e.target, e.reason, e.source, e.before, e.after, e.hash, e.previous_hash";

    public async Task<IReadOnlyList<AuditEntry>> ReadAsync(AuditQuery query, CancellationToken cancel = default)
    {
        await using var command = database.App.CreateCommand();
        var order = query.Before is null ? "ASC" : "DESC";
        command.CommandText = $"""
            SELECT {Columns}, a.value, f.value FROM audit.entry e
            LEFT JOIN audit.person a ON a.digest = e.actor LEFT JOIN audit.person f ON f.digest = e.source
            {Where(query, command)} ORDER BY e.sequence {order} LIMIT {Math.Clamp(query.Limit, 1, 1000)} OFFSET {Math.Max(0, query.Skip)}
            """;
        var entries = new List<AuditEntry>();
        await using var reader = await command.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
        {
            var row = Row(reader);
            entries.Add(new AuditEntry(row.Sequence, row.At, Name(reader, 11, row.Actor)!, row.Action, row.Target, row.Reason, Name(reader, 12, row.From),
                row.Before, row.After, Convert.ToHexStringLower(row.Hash), Convert.ToHexStringLower(row.PreviousHash)));
        }
        return entries;
    }

    public async Task<int> CountAsync(AuditQuery query, CancellationToken cancel = default)
    {
        await using var command = database.App.CreateCommand();
        command.CommandText = $"SELECT count(*)::int FROM audit.entry e {Where(query with { After = null, Before = null }, command)}";
        return (int)(await command.ExecuteScalarAsync(cancel))!;
    }

    public async IAsyncEnumerable<AuditRow> RowsAsync(long first = 1, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        await using var command = database.App.CreateCommand($"SELECT {Columns} FROM audit.entry e WHERE e.sequence >= @first ORDER BY e.sequence");
        command.Parameters.AddWithValue("first", first);
        await using var reader = await command.ExecuteReaderAsync(cancel);
        while (await reader.ReadAsync(cancel))
            yield return Row(reader);
    }

    public async Task<ChainReport> VerifyAsync(CancellationToken cancel = default)
    {
        var verifier = new ChainVerifier(await AuditCheckpoints.ReadAsync(database, cancel));
        await foreach (var row in RowsAsync(1, cancel))
            verifier.Add(row);
        return verifier.Report();
    }

    private static string Where(AuditQuery query, NpgsqlCommand command)
    {
        var where = new StringBuilder("WHERE true");
        if (query.Before is { } before)
            Add("e.sequence < @before", "before", before);
        else if (query.After is { } after)
            Add("e.sequence > @after", "after", after);
        if (query.Action is { Length: > 0 } action)
            Add(action.EndsWith('.') ? "starts_with(e.action, @action)" : "e.action = @action", "action", action);
        if (query.Actor is { Length: > 0 } actor)
            Add("e.actor = (SELECT digest FROM audit.person WHERE value = @actor)", "actor", actor);
        if (query.Target is { Length: > 0 } target)
            Add("e.target = @target", "target", target);
        if (query.From is { } from)
            Add("e.at >= @from", "from", from.ToUniversalTime());
        if (query.To is { } to)
            Add("e.at < @to", "to", to.ToUniversalTime());
        return where.ToString();

        void Add(string condition, string name, object value)
        {
            where.Append(" AND ").Append(condition);
            command.Parameters.AddWithValue(name, value);
        }
    }

    private static AuditRow Row(NpgsqlDataReader reader) => new(
        reader.GetInt64(0), reader.GetFieldValue<DateTimeOffset>(1), reader.GetFieldValue<byte[]>(2), reader.GetString(3), reader.GetString(4),
        Text(reader, 5), reader.IsDBNull(6) ? null : reader.GetFieldValue<byte[]>(6), Text(reader, 7), Text(reader, 8),
        reader.GetFieldValue<byte[]>(9), reader.GetFieldValue<byte[]>(10));

    private static string? Text(NpgsqlDataReader reader, int column) => reader.IsDBNull(column) ? null : reader.GetString(column);

    private static string? Name(NpgsqlDataReader reader, int column, byte[]? digest) =>
        digest is null ? null : Text(reader, column) ?? $"erased:{Convert.ToHexStringLower(digest)[..12]}";
}
