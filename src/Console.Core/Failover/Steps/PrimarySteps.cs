using NpgsqlTypes;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Failover.Steps;

/// <summary>The source stops in order: its standbys get the last of its log.</summary>
public sealed class StopSource(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "failover.stopSource";

    /// <summary>A node that answers runs; of one that does not the control file tells.</summary>
    public override async Task<WorldState> CheckAsync(StepContext context)
    {
        if (await AnswersAsync(context)) return WorldState.NotDone;
        return await ControlAsync(context) switch
        {
            { ShutDown: true } => WorldState.Done,
            { State: "in production" } => WorldState.NotDone,
            _ => WorldState.Unclear,
        };
    }

    public override async Task ActAsync(StepContext context)
    {
        await GuardAsync(context);
        if (await Parts.Hosts.ShutDownAsync(ClusterId(context), Source(context), context.Cancel) is { } control) Remember(context, control);
    }

    public override async Task VerifyAsync(StepContext context)
    {
        if (!context.Outputs.Has(Outputs.FinalCheckpoint) && await CheckAsync(context) != WorldState.Done)
            throw new StepFailedException($"{Source(context)} did not shut down in order.") { Final = true };
    }

    protected override async Task TakeBackAsync(StepContext context)
    {
        await Parts.Hosts.RestoreAsync(ClusterId(context), Source(context), context.Cancel);
        if (await AnswersAsync(context)) return;
        await Parts.Hosts.StopAsync(ClusterId(context), Source(context), context.Cancel); // it may still be about to go
        await Parts.Hosts.StartAsync(ClusterId(context), Source(context), context.Cancel);
    }

    public override async Task<bool> IsUndoneAsync(StepContext context) => await AnswersAsync(context) && !(await LookAsync(context, Source(context))).Standby;

    private async Task<bool> AnswersAsync(StepContext context)
    {
        try
        {
            await LookAsync(context, Source(context));
            return true;
        }
        catch (Exception e) when (e is not LeaseLostException && !context.Cancel.IsCancellationRequested)
        {
            return false; // it is down, or starting
        }
    }

    private async Task<ControlFile> ControlAsync(StepContext context)
    {
        var control = await Parts.Hosts.ControlAsync(ClusterId(context), Source(context), context.Cancel);
        Remember(context, control);
        return control;
    }

    private static void Remember(StepContext context, ControlFile control)
    {
        if (control.ShutDown) context.Outputs.Set(Outputs.FinalCheckpoint, control.Checkpoint.ToString());
    }
}

/// <summary>The target holds the source's last record, the checkpoint of its shutdown: nothing is lost.</summary>
public sealed class CompareLog(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "failover.compareLog";

    // Header and body of a checkpoint record: the least that it takes in the log.
    private const ulong CheckpointRecord = 114;

    public override async Task ActAsync(StepContext context)
    {
        var last = NpgsqlLogSequenceNumber.Parse(context.Outputs.Get<string>(Outputs.FinalCheckpoint)
            ?? throw new StepFailedException($"The position at which {Source(context)} stopped is not known.") { Final = true });
        var whole = new NpgsqlLogSequenceNumber((ulong)last + CheckpointRecord);
        await OnAsync(context, Target(context), (node, cancel) => Promotion.WaitHoldsAsync(node, whole, Seconds(Options.FollowSeconds), Parts.Time, cancel));
        context.Outputs.Set(Outputs.PromotedAt, whole.ToString());
        context.Outputs.Set(Outputs.SourcePosition, whole.ToString());
        await context.SayAsync($"{Source(context)} ended at {last}; {Target(context)} holds it.");
    }
}

/// <summary>The point of no return.</summary>
public sealed class Promote(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "failover.promote";

    public override async Task<WorldState> CheckAsync(StepContext context) =>
        await OnAsync(context, Target(context), Promotion.InRecoveryAsync) ? WorldState.NotDone : WorldState.Done;

    public override async Task ActAsync(StepContext context)
    {
        await GuardAsync(context);
        await OnAsync(context, Target(context), (node, cancel) => Promotion.PromoteAsync(node, Seconds(Options.PromoteSeconds), Parts.Time, cancel));
    }
}

/// <summary>The new primary's commits are confirmed before any client reaches it.</summary>
public sealed class CommitInForce(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "failover.commitInForce";

    private static readonly TimeSpan Nudge = TimeSpan.FromMilliseconds(20);

    public override async Task ActAsync(StepContext context)
    {
        var confirmations = Confirmations(context);
        if (confirmations == 0)
        {
            await context.SayAsync("No other standby is in reach: commits are not confirmed by any until one is back.");
            return;
        }
        using var over = CancellationTokenSource.CreateLinkedTokenSource(context.Cancel);
        var nudging = Task.WhenAll(Others(context).Select(region => NudgeAsync(context, region, over.Token)));
        try
        {
            await OnAsync(context, Target(context), (node, cancel) => SynchronousCommit.WaitInForceAsync(
                node, NamesFor(context, Target(context), confirmations), confirmations, Seconds(Options.ConfirmSeconds), Parts.Time, cancel));
        }
        finally
        {
            await over.CancelAsync();
            await nudging;
        }
    }

    /// <summary>A standby that found nobody pauses before it connects again; clients wait for that pause.</summary>
    private async Task NudgeAsync(StepContext context, string region, CancellationToken over)
    {
        try
        {
            while (true)
            {
                await Task.Delay(Nudge, Parts.Time, over);
                await context.Fleet(ClusterId(context)).UseAsync(region, async (node, _) =>
                {
                    await Upstream.NudgeAsync(node, context.Cancel);
                    return true;
                }, over);
            }
        }
        catch (Exception e) when (e is OperationCanceledException or Npgsql.NpgsqlException or System.Net.Sockets.SocketException or TimeoutException)
        {
            // Confirmed, or out of reach: the wait for confirmations tells.
        }
    }
}

/// <summary>What is declared is in force again: as many confirmations, once enough standbys are back.</summary>
public sealed class RestoreConfirmations(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "failover.restoreConfirmations";

    public override async Task<WorldState> CheckAsync(StepContext context) =>
        (await LookAsync(context, Target(context))).SynchronousStandbyNames == Wanted(context) ? WorldState.Done : WorldState.NotDone;

    public override Task ActAsync(StepContext context) => OnAsync(context, Target(context), async (node, cancel) =>
    {
        var cluster = Cluster(context);
        var served = await SynchronousCommit.ServedAsync(node, cancel);
        if (served.Count < cluster.SynchronousStandbys)
            throw new StepFailedException($"{served.Count} standbys stream; {cluster.SynchronousStandbys} are needed before commits may wait for so many.");
        await SynchronousCommit.SetAsync(node, Wanted(context), Seconds(Options.ConfirmSeconds), Parts.Time, cancel);
    });

    private string Wanted(StepContext context) => NamesFor(context, Target(context), Cluster(context).SynchronousStandbys);
}
