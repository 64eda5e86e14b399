namespace OpsConsole.Core.Operations.Execution;

/// <summary>Undoes in reverse order whatever was done or begun, each until the world says that nothing of it is left. One that cannot be
/// undone does not keep the others. Temporary effects are not given up: what is left is tried again, round after round, until nothing is or a
/// person takes over.</summary>
internal sealed class Backward(Execution execution)
{
    /// <returns>names of the steps that could not be undone</returns>
    public async Task<IReadOnlyList<string>> RunAsync()
    {
        var (stuck, undone) = await RoundAsync();
        for (var round = 1; stuck.Count > 0 && execution.Plan.UndoAtEnd && execution.Lease.Wish != OperationWish.TakeOver; round++)
        {
            await execution.WriteAsync("note", null, $"still there: {string.Join(", ", stuck)}; tried again until it is gone or a person takes over");
            await execution.PauseAsync(int.Min(round + 4, 30), execution.Lease.TakenOver);
            if (execution.Lease.Wish == OperationWish.TakeOver) break;
            (stuck, undone) = await RoundAsync();
        }
        execution.SetResult("cleanUp", stuck.Count == 0 ? "passed" : "failed");
        execution.SetResult("cleanUpDetail", new
        {
            undone,
            of = undone + stuck.Count,
            verifiedAt = stuck.Count == 0 ? execution.Parts.Clock.GetUtcNow() : (DateTimeOffset?)null,
            left = stuck,
        });
        await execution.FlushAsync("note", stuck.Count == 0 ? $"reverted {undone} of {undone}, verified" : $"reverted {undone} of {undone + stuck.Count}; left: {string.Join(", ", stuck)}");
        return stuck;
    }

    private async Task<(List<string> Stuck, int Undone)> RoundAsync()
    {
        var stuck = new List<string>();
        var undone = 0;
        for (var index = execution.Plan.Steps.Length - 1; index >= 0; index--)
        {
            var step = execution.Plan.Steps[index];
            if (!IsOurs(index, step)) continue;
            if (execution.States[index] == StepState.Undone) { undone++; continue; }
            await execution.SectionAsync(step.Critical);
            if (execution.States[index] == StepState.Pending && await IsUntouchedAsync(index, step)) continue;
            if (await UndoAsync(index, step)) undone++;
            else stuck.Add(step.Name);
        }
        await execution.SectionAsync(critical: false, end: true);
        return (stuck, undone);
    }

    private bool IsOurs(int index, PlanStep step) => step.Reversibility == Reversibility.Reversible
        && (execution.Interrupted[index] || execution.States[index] is not (StepState.Pending or StepState.Found));

    /// <summary>A step of an interrupted section that no record speaks of: perhaps it never began.</summary>
    private async Task<bool> IsUntouchedAsync(int index, PlanStep step)
    {
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(execution.Shutdown, execution.Lease.Lost);
            limit.CancelAfter(TimeSpan.FromSeconds(step.TimeoutSeconds));
            return await execution.Code(index).IsUndoneAsync(execution.Context(index, limit.Token));
        }
        catch (Exception unseen) when (unseen is not LeaseLostException)
        {
            OperationsLog.UndoFailed(execution.Parts.Log, execution.Operation.Id, index, 0, unseen.Message);
            return false;
        }
    }

    private async Task<bool> UndoAsync(int index, PlanStep step)
    {
        await execution.WriteAsync("undo", index, "", StepState.Undoing);
        for (var attempt = 1; ; attempt++)
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(execution.Shutdown, execution.Lease.Lost);
            limit.CancelAfter(TimeSpan.FromSeconds(step.TimeoutSeconds));
            string reason;
            try
            {
                var context = execution.Context(index, limit.Token);
                var code = execution.Code(index);
                execution.Parts.Trace.At(execution.Operation.Id, index, "before undo act");
                await code.UndoAsync(context);
                execution.Parts.Trace.At(execution.Operation.Id, index, "after undo act");
                if (await code.IsUndoneAsync(context))
                {
                    await execution.WriteAsync("undone", index, "", StepState.Undone);
                    return true;
                }
                reason = "read back, the effect is still there";
            }
            catch (LeaseLostException)
            {
                throw;
            }
            catch (Exception failure)
            {
                execution.Shutdown.ThrowIfCancellationRequested();
                if (execution.Lease.Lost.IsCancellationRequested) throw new LeaseLostException($"The lease ended while step {index} was being undone.");
                reason = failure is OperationCanceledException ? "not undone in time" : failure.Message;
            }
            OperationsLog.UndoFailed(execution.Parts.Log, execution.Operation.Id, index, attempt, reason);
            if (attempt >= execution.Parts.Options.StubbornAttempts)
            {
                await execution.WriteAsync("undoFailure", index, reason, StepState.UndoFailed);
                return false;
            }
            await execution.WriteAsync("undoFailure", index, $"attempt {attempt}: {reason}");
            await execution.PauseAsync(attempt, CancellationToken.None);
        }
    }
}
