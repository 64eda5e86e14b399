using Npgsql;

namespace OpsConsole.Core.Operations;

/// <summary>A later operation that changed the same topology commits the earlier: what has been built upon is not taken back by one click. One that was
/// undone has changed nothing, and a node that comes back is part of the earlier one.</summary>
internal static class CommitWindows
{
    public static async Task CloseAsync(OperationStateChanger changer, NpgsqlConnection connection, Operation later, DateTimeOffset now, CancellationToken cancel)
    {
        if (later.Kind is OperationKinds.Backup or OperationKinds.Rejoin) return; // nothing is built upon
        var closed = await connection.Command("""
            UPDATE ops.operation SET commit_until = NULL, events = events + 1
            WHERE commit_until IS NOT NULL AND id <> @id AND id IN (
                SELECT earlier.operation_id FROM ops.claim earlier JOIN ops.claim mine USING (resource, class)
                WHERE mine.operation_id = @id AND mine.class = 'topology')
            RETURNING id
            """, ("id", later.Id)).ListAsync(r => r.GetGuid(0), cancel);
        foreach (var id in closed)
            await changer.NoteAsync(connection, id, now, "note", $"committed by {later.Kind} {later.Id}", null, cancel);
    }
}
