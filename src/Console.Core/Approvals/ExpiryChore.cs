using OpsConsole.Core.Audit;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Approvals;

/// <summary>Two clocks: an approval that is not complete in time is refused, and an approved operation that did not start in time never does.</summary>
internal sealed class ExpiryChore(ConsoleDatabase database, OperationStateChanger changer, TimeProvider clock) : IRunnerChore
{
    public async Task RunAsync(CancellationToken cancel)
    {
        var now = clock.GetUtcNow();
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        var overdue = await connection.Command("""
            SELECT id, operation_id FROM ops.approval WHERE state = 'pending' AND expires_at <= @now
            """, ("now", now)).ListAsync(r => (Id: r.GetGuid(0), Operation: r.IsDBNull(1) ? (Guid?)null : r.GetGuid(1)), cancel);
        foreach (var (id, operation) in overdue)
            await ExpireApprovalAsync(id, operation, now, cancel);

        var unused = await connection.Command("SELECT id FROM ops.operation WHERE state = 'approved' AND execute_before <= @now AND holder IS NULL", ("now", now))
            .ListAsync(r => r.GetGuid(0), cancel);
        foreach (var id in unused)
        {
            await ChangeAsync(id, new StateChange(OperationState.Expired, "system", "The right to execute it has expired.", OperationState.Approved)
            {
                Audit = new AuditDraft("system", "operation.expire", $"operation:{id}"),
            }, cancel);
        }
    }

    private async Task ExpireApprovalAsync(Guid id, Guid? operation, DateTimeOffset now, CancellationToken cancel)
    {
        if (operation is null)
        {
            await using var connection = await database.App.OpenConnectionAsync(cancel);
            await connection.Command("UPDATE ops.approval SET state = 'expired', ended_at = @now WHERE id = @id AND state = 'pending'", ("id", id), ("now", now)).ExecuteAsync(cancel);
            return;
        }
        await ChangeAsync(operation.Value, new StateChange(OperationState.Expired, "system", "Nobody approved it in time.", OperationState.AwaitingApproval)
        {
            Apply = (connection, _, token) => ApprovalStore.EndAsync(connection, id, ApprovalState.Expired, now, token),
            Audit = new AuditDraft("system", "approval.expire", $"approval:{id}"),
        }, cancel);
    }

    /// <summary>Another node, or a person, may have been faster.</summary>
    private async Task ChangeAsync(Guid id, StateChange change, CancellationToken cancel)
    {
        try
        {
            await changer.ChangeAsync(id, change, cancel);
        }
        catch (RequestRefusedException refused) when (refused.Rule == "state")
        {
            return;
        }
    }
}
