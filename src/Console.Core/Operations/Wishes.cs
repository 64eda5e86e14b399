using OpsConsole.Core.Audit;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Operations;

/// <summary>Asks for an operation to end: one that has not begun is cancelled at once, a running one is told.</summary>
internal static class Wishes
{
    /// <summary>Asks a running operation to end for one that pre-empts it.</summary>
    /// <returns>null; or why it can only finish</returns>
    /// <summary>How the reason of one's end begins that was ended for another.</summary>
    public const string GivesWay = "gives way to";

    public static async Task<string?> GiveWayAsync(ConsoleDatabase database, OperationStateChanger changer, Guid blocker, string by, string kind, Guid id, DateTimeOffset now, CancellationToken cancel)
    {
        try
        {
            await EndAsync(database, changer, blocker, OperationWish.Cancel, by, $"{GivesWay} {kind} {id}", now, cancel);
            return null;
        }
        catch (RequestRefusedException finishing) when (finishing.Rule == "forwardOnly")
        {
            return finishing.Message;
        }
    }

    /// <returns>the operation as it is then</returns>
    public static async Task<Operation> EndAsync(
        ConsoleDatabase database, OperationStateChanger changer, Guid id, OperationWish wish, string by, string reason, DateTimeOffset now, CancellationToken cancel,
        Func<Operation, AuditDraft>? audit = null, IAuditLog? log = null)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await connection.Command("SELECT 1 FROM ops.operation WHERE id = @id FOR UPDATE", ("id", id)).ExecuteAsync(cancel);
        var operation = await OperationReader.FindAsync(connection, id, cancel) ?? throw new OperationNotFoundException(id);
        if (operation.State is OperationState.Planned or OperationState.AwaitingApproval or OperationState.Approved)
        {
            operation = await changer.ChangeAsync(connection, id, new StateChange(OperationState.Cancelled, by, reason, operation.State)
            {
                Apply = (c, o, token) => Approvals.ApprovalStore.CloseAsync(c, o, now, token),
            }, cancel);
        }
        else if (operation.State == OperationState.Running && operation.Wish is null && wish != OperationWish.TakeOver)
        {
            if (operation.PastForwardOnly) throw new RequestRefusedException("forwardOnly", "It is past its point of no return and can only finish.");
            await connection.Command("UPDATE ops.operation SET wish = @wish, events = events + 1, end_reason = @reason WHERE id = @id",
                ("id", id), ("wish", wish.Word()), ("reason", reason)).ExecuteAsync(cancel);
            await changer.NoteAsync(connection, id, now, "wish", reason, new() { ["wish"] = wish.Word(), ["by"] = by }, cancel);
        }
        else if (wish == OperationWish.TakeOver && operation.State is OperationState.Running or OperationState.RollingBack)
        {
            await connection.Command("UPDATE ops.operation SET wish = @wish, events = events + 1 WHERE id = @id", ("id", id), ("wish", wish.Word())).ExecuteAsync(cancel);
            await changer.NoteAsync(connection, id, now, "wish", reason, new() { ["wish"] = wish.Word(), ["by"] = by }, cancel);
        }
        else if (operation.State.IsEnd())
        {
            return operation;
        }
        if (audit is not null && log is not null) await log.AppendAsync(audit(operation), cancel);
        await transaction.CommitAsync(cancel);
        return operation;
    }
}
