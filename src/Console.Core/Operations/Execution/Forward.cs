namespace OpsConsole.Core.Operations.Execution;

/// <summary>Stuck: past, or perhaps past, the point of no return, so that turning back would do harm.</summary>
internal enum ForwardEnd { Complete, Failed, Stuck, Wished }

/// <summary>Runs the steps in order: look, intent, act, read back, outcome.</summary>
internal sealed class Forward(Execution execution)
{
    private string _reason = "";

    public async Task<(ForwardEnd End, string Reason)> RunAsync()
    {
        for (var index = 0; index < execution.Plan.Steps.Length; index++)
        {
            var step = execution.Plan.Steps[index];
            if (step.AfterUndo || IsOver(index)) continue;
            if (Wished) return (ForwardEnd.Wished, "");
            var end = await RunAsync(index, step);
            if (end != ForwardEnd.Complete) return (end, _reason);
        }
        await execution.SectionAsync(critical: false, end: true);
        return (ForwardEnd.Complete, "");
    }

    /// <summary>What looks at the world once everything is undone. Whatever it finds, the operation ends as it was going to.</summary>
    public async Task RunAfterUndoAsync()
    {
        for (var index = 0; index < execution.Plan.Steps.Length; index++)
        {
            var step = execution.Plan.Steps[index];
            if (!step.AfterUndo || execution.States[index] is StepState.Done or StepState.Skipped) continue;
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(execution.Shutdown, execution.Lease.Lost);
            limit.CancelAfter(TimeSpan.FromSeconds(step.TimeoutSeconds));
            try
            {
                await execution.WriteAsync("intent", index, "", StepState.Running);
                await ActAsync(execution.Code(index), execution.Context(index, limit.Token));
                await execution.WriteAsync("outcome", index, "", StepState.Done);
            }
            catch (Exception failure) when (failure is not LeaseLostException)
            {
                execution.Shutdown.ThrowIfCancellationRequested();
                if (execution.Lease.Lost.IsCancellationRequested) throw new LeaseLostException($"The lease ended during step {index}.");
                OperationsLog.StepFailed(execution.Parts.Log, execution.Operation.Id, index, 1, failure.Message);
                await execution.WriteAsync("failure", index, Words(failure, step), StepState.Skipped);
            }
        }
    }

    /// <summary>Past a forward-only step nobody can want it ended.</summary>
    private bool Wished => execution.Lease.Wish is not null && !execution.PastForwardOnly;

    private CancellationToken MindWish => execution.PastForwardOnly ? CancellationToken.None : execution.Lease.Wished;

    private bool IsOver(int index) => !execution.Interrupted[index] && execution.States[index] is (StepState.Done or StepState.Found or StepState.Skipped);

    private async Task<ForwardEnd> RunAsync(int index, PlanStep step)
    {
        for (var attempt = 1; ; attempt++)
        {
            try
            {
                await AttemptAsync(index, step);
                return ForwardEnd.Complete;
            }
            catch (LeaseLostException)
            {
                throw;
            }
            catch (WishPendingException)
            {
                return ForwardEnd.Wished;
            }
            catch (Exception failure)
            {
                execution.Shutdown.ThrowIfCancellationRequested();
                if (execution.Lease.Lost.IsCancellationRequested) throw new LeaseLostException($"The lease ended during step {index}.");
                if (Wished) return ForwardEnd.Wished;
                if (await SettleFailureAsync(index, step, attempt, failure) is { } end) return end;
            }
        }
    }

    private async Task AttemptAsync(int index, PlanStep step)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(execution.Shutdown, execution.Lease.Lost, MindWish);
        limit.CancelAfter(TimeSpan.FromSeconds(step.TimeoutSeconds));
        await execution.SectionAsync(step.Critical);
        var code = execution.Code(index);
        var context = execution.Context(index, limit.Token);
        if (step.Reversibility == Reversibility.Neutral)
        {
            await execution.WriteAsync("intent", index, "", StepState.Running);
            await ActAsync(code, context);
        }
        else
        {
            var interrupted = execution.Interrupted[index];
            var world = interrupted && !code.Repeatable ? await WatchAsync(code, context) : await code.CheckAsync(context);
            if (world == WorldState.Done)
            {
                await SettleDoneAsync(index, interrupted);
                return;
            }
            if (interrupted && !code.Repeatable && world == WorldState.Unclear)
                throw new StepFailedException("It was interrupted, must not be repeated, and the world does not say how far it went. A person has to look.") { Final = true };
            await execution.WriteAsync("intent", index, "", StepState.Running, refuseOnWish: step.Reversibility == Reversibility.ForwardOnly);
            execution.Interrupted[index] = true;
            await ActAsync(code, context);
            await code.VerifyAsync(context);
            execution.Parts.Trace.At(execution.Operation.Id, index, "verified");
        }
        await execution.WriteAsync("outcome", index, "", StepState.Done);
        execution.Interrupted[index] = false;
    }

    private async Task ActAsync(IStep code, StepContext context)
    {
        execution.Parts.Trace.At(context.OperationId, context.Index, "before act");
        await code.ActAsync(context);
        execution.Parts.Trace.At(context.OperationId, context.Index, "after act");
    }

    /// <summary>The effect is there. It is ours if we meant to bring it about; else it was found, and is not ours to undo.</summary>
    private async Task SettleDoneAsync(int index, bool interrupted)
    {
        var recorded = execution.States[index] is StepState.Done or StepState.Found;
        if (!recorded)
            await execution.WriteAsync("outcome", index, interrupted ? "settled by looking at the world: it is done" : "already in force", interrupted ? StepState.Done : StepState.Found);
        execution.Interrupted[index] = false;
    }

    /// <summary>Watches an interrupted step that must not be repeated until the world is clear.</summary>
    private async Task<WorldState> WatchAsync(IStep code, StepContext context)
    {
        var began = execution.Parts.Clock.GetTimestamp();
        for (var attempt = 1; ; attempt++)
        {
            var world = await code.CheckAsync(context);
            if (world != WorldState.Unclear || execution.Parts.Clock.GetElapsedTime(began).TotalSeconds >= execution.Parts.Options.SettleSeconds) return world;
            await execution.PauseAsync(attempt, MindWish);
            if (Wished) throw new WishPendingException();
        }
    }

    /// <returns>null: try again</returns>
    private async Task<ForwardEnd?> SettleFailureAsync(int index, PlanStep step, int attempt, Exception failure)
    {
        OperationsLog.StepFailed(execution.Parts.Log, execution.Operation.Id, index, attempt, failure.Message);
        _reason = $"{step.Name}: {Words(failure, step)}";
        var final = failure is StepFailedException { Final: true };
        var last = final || attempt >= Attempts(step);
        var unsure = last && step.Reversibility == Reversibility.ForwardOnly && execution.Interrupted[index] && await MayHaveHappenedAsync(index, step);
        if (!last || (unsure && !final && attempt < step.Attempts + execution.Parts.Options.StubbornAttempts))
        {
            await execution.WriteAsync("failure", index, $"attempt {attempt}: {Words(failure, step)}");
            await execution.PauseAsync(attempt, MindWish);
            return null;
        }
        await execution.WriteAsync("failure", index, Words(failure, step), step.Optional ? StepState.Skipped : StepState.Failed);
        return step.Optional ? ForwardEnd.Complete : unsure || execution.PastForwardOnly ? ForwardEnd.Stuck : ForwardEnd.Failed;
    }

    // What the operation can do without is not worth keeping its resources for.
    private int Attempts(PlanStep step) => execution.PastForwardOnly && !step.Optional ? Math.Max(step.Attempts, execution.Parts.Options.StubbornAttempts) : step.Attempts;

    /// <summary>A forward-only step that failed is only turned back from when the world says that nothing happened.</summary>
    private async Task<bool> MayHaveHappenedAsync(int index, PlanStep step)
    {
        try
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(execution.Shutdown, execution.Lease.Lost);
            limit.CancelAfter(TimeSpan.FromSeconds(step.TimeoutSeconds));
            return await execution.Code(index).CheckAsync(execution.Context(index, limit.Token)) != WorldState.NotDone;
        }
        catch (Exception unseen) when (unseen is not LeaseLostException)
        {
            OperationsLog.StepFailed(execution.Parts.Log, execution.Operation.Id, index, 0, unseen.Message);
            return true;
        }
    }

    private static string Words(Exception failure, PlanStep step) => failure is OperationCanceledException
        ? $"not done within {step.TimeoutSeconds.ToString(System.Globalization.CultureInfo.InvariantCulture)} s" : failure.Message;
}
