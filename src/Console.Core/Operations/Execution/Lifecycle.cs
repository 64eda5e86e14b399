using OpsConsole.Core.Audit;

namespace OpsConsole.Core.Operations.Execution;

/// <summary>From taking an operation to its end, or to the loss of its lease.</summary>
internal sealed class Lifecycle(ExecutionParts parts, Lease lease, Candidate candidate, CancellationToken shutdown)
{
    private Guid Id => lease.Operation;

    public Task RunAsync() => WatchedAsync(async journal =>
    {
        var operation = await LoadAsync(journal);
        OperationsLog.Runs(parts.Log, Id, operation.Kind, lease.Epoch);
        if (operation.State is OperationState.Running or OperationState.RollingBack && candidate.Epoch > 0)
            operation = await TakeOverAsync(journal, operation);
        if (operation.State == OperationState.Approved)
        {
            if (!await new Starter(parts, lease, journal).StartAsync(operation, shutdown))
            {
                await lease.ReleaseAsync(shutdown);
                return;
            }
            operation = await LoadAsync(journal);
        }
        await using var execution = new Execution(parts, operation, lease, journal, shutdown);
        if (operation.State == OperationState.Running) await ForwardAsync(execution);
        else if (operation.State == OperationState.RollingBack) await BackwardAsync(execution, operation.Ending ?? OperationState.RolledBack, operation.EndReason ?? "");
    });

    /// <summary>One that begins from memory.</summary>
    public Task RunAsync(Operation begun) => WatchedAsync(async journal =>
    {
        OperationsLog.Runs(parts.Log, Id, begun.Kind, lease.Epoch);
        journal.Begin(Registration.Entry(begun));
        await using var execution = new Execution(parts, begun, lease, journal, shutdown);
        await ForwardAsync(execution);
    });

    private async Task WatchedAsync(Func<ExecutionJournal, Task> run)
    {
        await using var journal = new ExecutionJournal(parts.Journal, parts.Registration, lease, parts.Node, parts.Trace, parts.Clock, parts.Log);
        try
        {
            await run(journal);
        }
        catch (RequestRefusedException refused) when (refused.Rule == "state")
        {
            throw new LeaseLostException($"Somebody else changed its state: {refused.Message}");
        }
        catch (OperationCanceledException) when (lease.Lost.IsCancellationRequested)
        {
            throw new LeaseLostException("The lease is over.");
        }
        catch (OperationCanceledException) when (shutdown.IsCancellationRequested)
        {
            await lease.ReleaseAsync(CancellationToken.None);
        }
    }

    private async Task<Operation> LoadAsync(ExecutionJournal journal)
    {
        Operation? operation = null;
        await journal.PatientlyAsync(async cancel => operation = await parts.Reader.GetAsync(Id, cancel));
        await lease.HeedAsync(operation!.Wish);
        return operation;
    }

    /// <summary>First the earlier runner's sessions on the fleet are ended; then what it left on this node's disk is put on record.</summary>
    private async Task<Operation> TakeOverAsync(ExecutionJournal journal, Operation operation)
    {
        OperationsLog.TakenOver(parts.Log, Id, candidate.Holder, lease.Epoch);
        var ended = 0;
        foreach (var cluster in Execution.Clusters(operation.Plan))
            ended += await EndHoldersAsync(cluster);
        await journal.ReconcileAsync();
        await journal.WriteAsync(new JournalEntry("takeover", null, $"taken over from {candidate.Holder ?? "nobody"}; {ended} of its sessions ended", parts.Clock.GetUtcNow()));
        return await LoadAsync(journal);
    }

    private async Task<int> EndHoldersAsync(string cluster)
    {
        try
        {
            return await parts.Fleet.EndHoldersAsync(cluster, lease.Lost);
        }
        catch (Exception failure) when (failure is not (LeaseLostException or OperationCanceledException))
        {
            // A node that does not answer keeps its lock, and whoever needs that node is refused there.
            OperationsLog.EndHoldersFailed(parts.Log, cluster, failure.Message);
            return 0;
        }
    }

    private async Task ForwardAsync(Execution execution)
    {
        var cleaningUp = execution.Plan.UndoAtEnd && execution.States.Any(s => s is StepState.Undoing or StepState.Undone or StepState.UndoFailed);
        var (end, reason) = cleaningUp ? (ForwardEnd.Complete, "") : await new Forward(execution).RunAsync();
        switch (end)
        {
            case ForwardEnd.Complete when execution.Plan.UndoAtEnd:
                var stuck = await new Backward(execution).RunAsync();
                await new Forward(execution).RunAfterUndoAsync();
                if (stuck.Count == 0) await EndAsync(execution, OperationState.Succeeded, "");
                else await EndAsync(execution, OperationState.Failed, $"Not cleaned up: {string.Join(", ", stuck)}.");
                break;
            case ForwardEnd.Complete:
                await EndAsync(execution, OperationState.Succeeded, "");
                break;
            case ForwardEnd.Stuck:
                await execution.SectionAsync(critical: false, end: true);
                await EndAsync(execution, OperationState.Failed, $"{reason} It is past its point of no return: nothing was undone; mend the cause and retry.");
                break;
            case ForwardEnd.Wished:
                var operation = execution.Journal.InSection ? execution.Operation : await LoadAsync(execution.Journal);
                await TurnBackAsync(execution, execution.Lease.Wish == OperationWish.RollBack ? OperationState.RolledBack : OperationState.Cancelled, operation.EndReason ?? "ended on request");
                break;
            default:
                var touched = execution.Plan.Steps.Zip(execution.States).Any(s => s.First.Reversibility == Reversibility.Reversible && s.Second is not (StepState.Pending or StepState.Found));
                await TurnBackAsync(execution, touched ? OperationState.RolledBack : OperationState.Failed, reason);
                break;
        }
    }

    private async Task TurnBackAsync(Execution execution, OperationState ending, string reason)
    {
        if (execution.Journal.InSection) await execution.WriteAsync("note", null, reason, ending: ending);
        else await ChangeAsync(execution, new StateChange(OperationState.RollingBack, parts.Node.Name, reason, OperationState.Running) { Ending = ending });
        await BackwardAsync(execution, ending, reason);
    }

    private async Task BackwardAsync(Execution execution, OperationState ending, string reason)
    {
        var stuck = await new Backward(execution).RunAsync();
        await new Forward(execution).RunAfterUndoAsync();
        if (stuck.Count == 0) await EndAsync(execution, ending, reason);
        else await EndAsync(execution, OperationState.Failed, $"{reason} Not undone: {string.Join(", ", stuck)}.");
    }

    private async Task EndAsync(Execution execution, OperationState state, string reason)
    {
        await execution.FlushAsync("note", $"ends as {state.Word()}");
        var window = execution.Plan.CommitWindowSeconds;
        var changed = state == OperationState.Succeeded || execution.PastForwardOnly;
        await ChangeAsync(execution, new StateChange(state, parts.Node.Name, reason, OperationState.Running, OperationState.RollingBack)
        {
            CommitUntil = state == OperationState.Succeeded && window > 0 ? parts.Clock.GetUtcNow().AddSeconds(window) : null,
            Audit = new AuditDraft("system", $"{execution.Operation.Kind}.{state.Word()}", $"operation:{Id}", reason),
            Apply = changed ? (connection, operation, cancel) => CommitWindows.CloseAsync(parts.Changer, connection, operation, parts.Clock.GetUtcNow(), cancel) : null,
        });
        OperationsLog.Ended(parts.Log, Id, state.Word(), reason);
    }

    private async Task ChangeAsync(Execution execution, StateChange change)
    {
        parts.Trace.At(Id, null, $"before {change.To.Word()}");
        await execution.Journal.PatientlyAsync(cancel => parts.Changer.ChangeAsync(Id, change with { Epoch = lease.Epoch }, cancel));
        parts.Trace.At(Id, null, $"after {change.To.Word()}");
    }
}
