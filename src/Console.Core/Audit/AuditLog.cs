using System.Security.Cryptography;
using System.Text;
using Npgsql;
using NpgsqlTypes;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Audit;

/// <summary>Appends to the chain. An advisory lock makes appends of all consoles one after another, so that numbers have no gaps and
/// every entry stands on the one before it.</summary>
public sealed class AuditLog(ConsoleDatabase database, TimeProvider clock) : IAuditLog
{
    private const long LockKey = 0x4F70_7341_7564_6974; // "OpsAudit"

    public async Task AppendAsync(AuditDraft draft, CancellationToken cancel = default)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await using (var take = new NpgsqlCommand("SELECT pg_advisory_xact_lock(@key)", connection))
        {
            take.Parameters.AddWithValue("key", LockKey);
            await take.ExecuteNonQueryAsync(cancel);
        }

        var (last, head) = await HeadAsync(connection, cancel);
        var actor = await PersonAsync(connection, draft.Actor, cancel);
        var from = draft.From is null ? null : await PersonAsync(connection, draft.From, cancel);
        var row = new AuditRow(last + 1, AuditChain.Truncate(clock.GetUtcNow()), actor, draft.Action, draft.Target, draft.Reason, from,
            draft.Before is null ? null : CanonicalJson.Of(draft.Before), draft.After is null ? null : CanonicalJson.Of(draft.After), [], head);
        await InsertAsync(connection, row with { Hash = AuditChain.Hash(row) }, cancel);
        await transaction.CommitAsync(cancel);
    }

    private static async Task<(long Sequence, byte[] Hash)> HeadAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("SELECT sequence, hash FROM audit.entry ORDER BY sequence DESC LIMIT 1", connection);
        await using var reader = await command.ExecuteReaderAsync(cancel);
        return await reader.ReadAsync(cancel) ? (reader.GetInt64(0), reader.GetFieldValue<byte[]>(1)) : (0, AuditChain.Genesis);
    }

    private static async Task<byte[]> PersonAsync(NpgsqlConnection connection, string value, CancellationToken cancel)
    {
        await using (var find = new NpgsqlCommand("SELECT digest FROM audit.person WHERE value = @value", connection))
        {
            find.Parameters.AddWithValue("value", value);
            if (await find.ExecuteScalarAsync(cancel) is byte[] known)
                return known;
        }

        var salt = RandomNumberGenerator.GetBytes(16);
        var digest = SHA256.HashData([.. salt, .. Encoding.UTF8.GetBytes(value)]);
        await using var add = new NpgsqlCommand("INSERT INTO audit.person (digest, salt, value) VALUES (@digest, @salt, @value)", connection);
        add.Parameters.AddWithValue("digest", digest);
        add.Parameters.AddWithValue("salt", salt);
        add.Parameters.AddWithValue("value", value);
        await add.ExecuteNonQueryAsync(cancel);
        return digest;
    }

    private static async Task InsertAsync(NpgsqlConnection connection, AuditRow row, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("""
            INSERT INTO audit.entry (sequence, at, actor, action, target, reason, source, before, after, hash, previous_hash)
            VALUES (@sequence, @at, @actor, @action, @target, @reason, @source, @before, @after, @hash, @previous)
            """, connection);
        command.Parameters.AddWithValue("sequence", row.Sequence);
        command.Parameters.AddWithValue("at", row.At);
        command.Parameters.AddWithValue("actor", row.Actor);
        command.Parameters.AddWithValue("action", row.Action);
        command.Parameters.AddWithValue("target", row.Target);
        command.Parameters.AddWithValue("reason", NpgsqlDbType.Text, (object?)row.Reason ?? DBNull.Value);
        command.Parameters.AddWithValue("source", NpgsqlDbType.Bytea, (object?)row.From ?? DBNull.Value);
        command.Parameters.AddWithValue("before", NpgsqlDbType.Text, (object?)row.Before ?? DBNull.Value);
        command.Parameters.AddWithValue("after", NpgsqlDbType.Text, (object?)row.After ?? DBNull.Value);
        command.Parameters.AddWithValue("hash", row.Hash);
        command.Parameters.AddWithValue("previous", row.PreviousHash);
        await command.ExecuteNonQueryAsync(cancel);
    }
}
