using Npgsql;
using OpsConsole.Core.Audit;

namespace OpsConsole.Core.Operations.Execution;

/// <summary>Brings an approved operation to running: plans and measures again, takes the claims, ends what has to give way.</summary>
internal sealed class Starter(ExecutionParts parts, Lease lease, ExecutionJournal journal)
{
    /// <summary>What was measured longer ago is measured again.</summary>
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(10);

    /// <returns>whether it runs now</returns>
    public async Task<bool> StartAsync(Operation operation, CancellationToken cancel)
    {
        if (operation.ApprovalId is not null || parts.Clock.GetUtcNow() - operation.CreatedAt > Fresh)
        {
            if (await RefusalAsync(operation, cancel) is { } refusal)
            {
                await ChangeAsync(operation, refusal, cancel);
                return false;
            }
        }
        using var subscription = parts.Signals.Subscribe();
        while (true)
        {
            try
            {
                await ChangeAsync(operation, new StateChange(OperationState.Running, parts.Node.Name, "", OperationState.Approved)
                {
                    Apply = TakeClaimsAsync,
                    Audit = new AuditDraft("system", $"{operation.Kind}.start", $"operation:{operation.Id}", operation.Reason),
                }, cancel);
                return true;
            }
            catch (ClaimsTakenException taken) when (taken.Blockers.All(b => OperationKinds.Preempts(operation.Kind, b.Kind)))
            {
                foreach (var blocker in taken.Blockers.DistinctBy(b => b.Operation))
                    await PreemptAsync(operation, blocker, cancel);
                await WaitAsync(subscription, cancel);
            }
            catch (RequestRefusedException refused) when (refused.Rule == "stopEngaged")
            {
                await ChangeAsync(operation, new StateChange(OperationState.Cancelled, parts.Node.Name, refused.Message, OperationState.Approved), cancel);
                return false;
            }
            catch (ClaimsTakenException taken)
            {
                await HoldAsync(operation, taken.Blockers[0], cancel);
                return false;
            }
        }
    }

    /// <summary>Why it may not start after all: it is too late, the plan has changed (which voids its approval), or a bound does not hold.</summary>
    private async Task<StateChange?> RefusalAsync(Operation operation, CancellationToken cancel)
    {
        if (operation.ExecuteBefore <= parts.Clock.GetUtcNow())
        {
            return new StateChange(OperationState.Expired, parts.Node.Name, "The right to execute it has expired.", OperationState.Approved)
            {
                Audit = new AuditDraft("system", "operation.expire", $"operation:{operation.Id}"),
            };
        }
        var planner = parts.Planners.Get(operation.Kind);
        Plan plan;
        try
        {
            plan = await planner.PlanAsync(operation.Request, cancel);
        }
        catch (RequestRefusedException refused)
        {
            return new StateChange(OperationState.Cancelled, parts.Node.Name, refused.Message, OperationState.Approved);
        }
        if (plan.Hash != operation.PlanHash)
        {
            return new StateChange(OperationState.Cancelled, parts.Node.Name, "What would run has changed since it was approved: the approval is void.", OperationState.Approved)
            {
                Apply = (connection, _, token) => Approvals.ApprovalStore.VoidAsync(connection, operation, plan, parts.Clock.GetUtcNow(), token),
                Audit = new AuditDraft("system", "approval.void", $"operation:{operation.Id}", Before: operation.PlanHash, After: plan.Hash),
            };
        }
        var blocking = (await planner.PreflightAsync(operation.Plan, cancel)).Blocking(operation.Plan).ToList();
        if (blocking.Count == 0) return null;
        return new StateChange(OperationState.Failed, parts.Node.Name,
            $"Preflight at the start: {string.Join("; ", blocking.Select(c => $"{c.Message} ({c.Measured}, limit {c.Limit})"))}", OperationState.Approved)
        {
            Audit = new AuditDraft("system", $"{operation.Kind}.refused", $"operation:{operation.Id}", "preflight"),
        };
    }

    private async Task TakeClaimsAsync(NpgsqlConnection connection, Operation operation, CancellationToken cancel)
    {
        await EmergencyStop.RefuseAsync(connection, operation.Kind, cancel);
        var blockers = await Claims.TakeAsync(connection, operation.Id, operation.Plan, cancel);
        if (blockers.Count > 0) throw new ClaimsTakenException(blockers);
    }

    private Task PreemptAsync(Operation operation, Blocker blocker, CancellationToken cancel) => journal.PatientlyAsync(async _ =>
    {
        OperationsLog.Preempts(parts.Log, operation.Id, blocker.Operation);
        if (await Wishes.GiveWayAsync(parts.Database, parts.Changer, blocker.Operation, parts.Node.Name, operation.Kind, operation.Id, parts.Clock.GetUtcNow(), cancel) is { } finishing)
            OperationsLog.PreemptWaits(parts.Log, operation.Id, blocker.Operation, finishing);
    });

    /// <summary>Blocked by something that does not give way: not started by itself any more, but by a person, who is told by whom.</summary>
    private Task HoldAsync(Operation operation, Blocker blocker, CancellationToken cancel) => journal.PatientlyAsync(async _ =>
    {
        await using var connection = await parts.Database.App.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await connection.Command("UPDATE ops.operation SET start_mode = 'manual', events = events + 1 WHERE id = @id AND state = 'approved'", ("id", operation.Id)).ExecuteAsync(cancel);
        await parts.Changer.NoteAsync(connection, operation.Id, parts.Clock.GetUtcNow(), "note", $"not started: {blocker.Refusal().Message}", new() { ["blockedBy"] = blocker.Operation.ToString() }, cancel);
        await transaction.CommitAsync(cancel);
    });

    private Task ChangeAsync(Operation operation, StateChange change, CancellationToken cancel) =>
        journal.PatientlyAsync(_ => parts.Changer.ChangeAsync(operation.Id, change with { Epoch = lease.Epoch }, cancel));

    private async Task WaitAsync(OperationSubscription subscription, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel, lease.Lost);
        limit.CancelAfter(TimeSpan.FromMilliseconds(500));
        try
        {
            while (true)
            {
                if ((await subscription.Signals.ReadAsync(limit.Token)).Kind is "state" or "") return;
            }
        }
        catch (OperationCanceledException)
        {
            cancel.ThrowIfCancellationRequested();
            if (lease.Lost.IsCancellationRequested) throw new LeaseLostException("The lease ended while waiting for others to give way.");
        }
    }
}

internal sealed class ClaimsTakenException(IReadOnlyList<Blocker> blockers) : Exception(blockers[0].Refusal().Message)
{
    public IReadOnlyList<Blocker> Blockers { get; } = blockers;
}
