using System.Text.Json.Nodes;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Operations.Execution;

/// <summary>Writes the journal in the console's database. One statement checks the epoch, numbers the entry, updates the step and the
/// outputs, and appends: a runner that has been replaced changes nothing.</summary>
internal sealed class DatabaseJournal(ConsoleDatabase database, OperationStateChanger changer, NodeIdentity node)
{
    private const string Write = """
        WITH held AS (
            UPDATE ops.operation SET events = events + 1, outputs = outputs || @outputs, result = result || @result
            WHERE id = @id AND epoch = @epoch AND NOT (@refuseOnWish AND wish IS NOT NULL)
            RETURNING events
        ), stepped AS (
            UPDATE ops.step SET state = COALESCE(@state::text, state),
                started_at = CASE WHEN @state = 'running' THEN COALESCE(started_at, @at) ELSE started_at END,
                ended_at = CASE WHEN @state IN ('done', 'found', 'skipped', 'failed') THEN @at WHEN @state = 'running' THEN NULL ELSE ended_at END,
                undone_at = CASE WHEN @state = 'undone' THEN @at WHEN @state = 'running' THEN NULL ELSE undone_at END,
                detail = CASE WHEN @text = '' THEN detail ELSE @text END,
                progress = COALESCE(@progress::double precision, CASE WHEN @state = 'running' THEN 0 ELSE progress END)
            FROM held WHERE operation_id = @id AND index = @step
        )
        INSERT INTO ops.journal (operation_id, sequence, at, epoch, node, kind, step, text, data, local)
        SELECT @id, held.events, @at, @entryEpoch, @node, @kind, @step, @text, @data, @local FROM held
        """;

    /// <exception cref="LeaseLostException">another runner has the operation</exception>
    /// <exception cref="WishPendingException">the entry was not to be written while a wish is open</exception>
    public async Task WriteAsync(Guid id, long epoch, JournalEntry entry, CancellationToken cancel)
    {
        if (entry.Ending is { } ending) await TurnBackAsync(id, epoch, entry, ending, cancel);
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        var command = connection.Command(Write,
            ("id", id), ("epoch", epoch), ("outputs", entry.Outputs ?? []), ("result", entry.Result ?? []), ("refuseOnWish", entry.RefuseOnWish),
            ("at", entry.At), ("text", entry.Text), ("kind", entry.Kind), ("node", node.Name), ("entryEpoch", entry.LocalEpoch ?? epoch));
        command.Parameters.Add(new("state", NpgsqlTypes.NpgsqlDbType.Text) { Value = (object?)entry.State?.Word() ?? DBNull.Value });
        command.Parameters.Add(new("step", NpgsqlTypes.NpgsqlDbType.Integer) { Value = (object?)entry.Step ?? DBNull.Value });
        command.Parameters.Add(new("progress", NpgsqlTypes.NpgsqlDbType.Double) { Value = (object?)entry.Progress ?? DBNull.Value });
        command.Parameters.Add(new("local", NpgsqlTypes.NpgsqlDbType.Bigint) { Value = (object?)entry.Local ?? DBNull.Value });
        command.Parameters.Add(new("data", NpgsqlTypes.NpgsqlDbType.Jsonb) { Value = (object?)entry.Data?.ToJsonString(OperationJson.Options) ?? DBNull.Value });
        if (await command.ExecuteAsync(cancel) > 0) return;

        var now = await connection.Command("SELECT epoch FROM ops.operation WHERE id = @id", ("id", id)).ScalarAsync<long>(cancel);
        if (now == epoch) throw new WishPendingException();
        throw new LeaseLostException($"Operation {id} has epoch {now}; an entry of epoch {epoch} is refused.");
    }

    /// <summary>Position of the newest entry taken over from a local journal; 0 when there is none.</summary>
    public async Task<long> LastLocalAsync(Guid id, long epoch, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return await connection.Command("SELECT max(local) FROM ops.journal WHERE operation_id = @id AND epoch = @epoch", ("id", id), ("epoch", epoch)).ScalarAsync<long>(cancel);
    }

    /// <summary>What a replaced runner had put on record locally, for people only: it changes no state.</summary>
    public async Task AppendLateAsync(Guid id, JournalEntry entry, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await connection.Command("UPDATE ops.operation SET events = events + 1 WHERE id = @id", ("id", id)).ExecuteAsync(cancel);
        var data = new JsonObject { ["kind"] = entry.Kind, ["step"] = entry.Step, ["at"] = entry.At.ToString("O"), ["epoch"] = entry.LocalEpoch };
        await changer.NoteAsync(connection, id, entry.At, "late", entry.Text, data, cancel);
        await transaction.CommitAsync(cancel);
    }

    private async Task TurnBackAsync(Guid id, long epoch, JournalEntry entry, OperationState ending, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        var state = await connection.Command("SELECT state FROM ops.operation WHERE id = @id", ("id", id)).ScalarAsync<string>(cancel);
        if (state == OperationState.RollingBack.Word()) return;
        await changer.ChangeAsync(id, new StateChange(OperationState.RollingBack, node.Name, entry.Text, OperationState.Running) { Epoch = epoch, Ending = ending }, cancel);
    }
}
