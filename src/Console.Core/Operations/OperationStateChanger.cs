using Npgsql;
using OpsConsole.Core.Audit;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Operations;

/// <summary>What a change of state is to do besides changing the state.</summary>
/// <param name="By">e-mail address, or the node's name</param>
internal sealed record StateChange(OperationState To, string By, string Reason, params OperationState[] From)
{
    /// <summary>Only the runner that holds this epoch may make the change.</summary>
    public long? Epoch { get; init; }
    /// <summary>How the rollback that begins now will be called when it is done.</summary>
    public OperationState? Ending { get; init; }
    public DateTimeOffset? ExecuteBefore { get; init; }
    public DateTimeOffset? CommitUntil { get; init; }
    /// <summary>More to do in the same transaction; may throw to refuse.</summary>
    public Func<NpgsqlConnection, Operation, CancellationToken, Task>? Apply { get; init; }
    public AuditDraft? Audit { get; init; }
}

/// <summary>The one place in which an operation's state changes: lock the row, reload, check what was expected, apply, journal, audit, commit.
/// An audit entry that cannot be written undoes the change.</summary>
internal sealed class OperationStateChanger(ConsoleDatabase database, IAuditLog audit, TimeProvider clock, NodeIdentity node, IEnumerable<IOperationEnd> ends)
{
    public async Task<Operation> ChangeAsync(Guid id, StateChange change, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var changed = await ChangeAsync(connection, id, change, cancel);
        await transaction.CommitAsync(cancel);
        if (changed.State.IsEnd())
            foreach (var end in ends) end.Ended(changed);
        return changed;
    }

    /// <summary>Inside the caller's transaction.</summary>
    public async Task<Operation> ChangeAsync(NpgsqlConnection connection, Guid id, StateChange change, CancellationToken cancel)
    {
        await connection.Command("SELECT 1 FROM ops.operation WHERE id = @id FOR UPDATE", ("id", id)).ExecuteAsync(cancel);
        var operation = await OperationReader.FindAsync(connection, id, cancel) ?? throw new OperationNotFoundException(id);
        if (IsDone(operation, change)) return operation;
        Check(operation, change);
        if (change.Apply is not null) await change.Apply(connection, operation, cancel);
        var now = clock.GetUtcNow();
        await connection.Command("""
            UPDATE ops.operation SET state = @state, events = events + 1,
                started_at = CASE WHEN @state = 'running' THEN COALESCE(started_at, @now) ELSE started_at END,
                ended_at = CASE WHEN @end THEN @now END,
                ending = CASE WHEN @state = 'rollingBack' THEN @ending::text END,
                end_reason = CASE WHEN @end OR @state = 'rollingBack' THEN COALESCE(NULLIF(@reason, ''), end_reason) END,
                execute_before = CASE WHEN @state = 'approved' THEN @executeBefore::timestamptz ELSE execute_before END,
                commit_until = @commitUntil::timestamptz,
                wish = CASE WHEN @end THEN NULL ELSE wish END,
                holder = CASE WHEN @end THEN NULL ELSE holder END,
                lease_until = CASE WHEN @end THEN NULL ELSE lease_until END,
                section_until = CASE WHEN @end THEN NULL ELSE section_until END
            WHERE id = @id
            """,
            ("id", id), ("state", change.To.Word()), ("now", now), ("end", change.To.IsEnd()), ("ending", change.Ending?.Word()), ("reason", change.Reason),
            ("executeBefore", change.ExecuteBefore), ("commitUntil", change.CommitUntil)).ExecuteAsync(cancel);
        if (change.To.IsEnd()) await Claims.ReleaseAsync(connection, id, cancel);
        await NoteAsync(connection, id, now, "state", change.Reason, new() { ["from"] = operation.State.Word(), ["to"] = change.To.Word(), ["by"] = change.By }, cancel);
        if (change.Audit is not null) await audit.AppendAsync(change.Audit, cancel);
        return operation with { State = change.To };
    }

    /// <summary>Adds a journal entry that does not come from the runner. The row's event counter must have been raised in this transaction.</summary>
    public Task NoteAsync(NpgsqlConnection connection, Guid id, DateTimeOffset at, string kind, string text, System.Text.Json.Nodes.JsonObject? data, CancellationToken cancel) =>
        connection.Command("""
            INSERT INTO ops.journal (operation_id, sequence, at, epoch, node, kind, text, data)
            SELECT id, events, @at, epoch, @node, @kind, @text, @data::jsonb FROM ops.operation WHERE id = @id
            """, ("id", id), ("at", at), ("node", node.Name), ("kind", kind), ("text", text), ("data", data)).ExecuteAsync(cancel);

    /// <summary>A runner whose connection broke in the commit asks again.</summary>
    private static bool IsDone(Operation operation, StateChange change) =>
        change.Epoch is { } epoch && operation.Epoch == epoch && operation.State == change.To && operation.State != OperationState.Approved;

    private static void Check(Operation operation, StateChange change)
    {
        if (change.Epoch is { } epoch && operation.Epoch != epoch)
            throw new LeaseLostException($"Operation {operation.Id} has epoch {operation.Epoch}; {epoch} may no longer change it.");
        if (!change.From.Contains(operation.State) || !operation.State.MayBecome(change.To))
            throw new RequestRefusedException("state", $"The operation is {operation.State.Word()}; it cannot become {change.To.Word()} now.");
    }
}
