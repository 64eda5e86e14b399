using System.Text.Json.Nodes;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Chaos;
using OpsConsole.Core.Drills.Reports;
using OpsConsole.Core.Drills.Tests;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Drills;

/// <summary>How a drill's tests are kept while it runs.</summary>
internal static class DrillRecord
{
    private const string Tests = "tests";

    public static DrillPair Pair(this StepContext context) => new(context.Parameter<string>("cluster"), context.Parameter<string>("source"), context.Parameter<string>("target"));

    /// <summary>Once for each step: a step that is resumed replaces what it said before.</summary>
    public static Task RecordAsync(this StepContext context, string id, DrillOutcome outcome, double seconds)
    {
        var tests = context.Result.Get<Dictionary<string, ReportTest>>(Tests) ?? [];
        tests[$"{context.Index:00}"] = new ReportTest($"{context.Index:00}-{id}", context.Step.Name, outcome.Verdict, outcome.Evidence, Math.Round(seconds, 2));
        context.Result.Set(Tests, tests);
        return context.SayAsync($"{outcome.Verdict}: {outcome.Evidence}");
    }

    public static IReadOnlyCollection<ReportTest> Recorded(this StepContext context) => context.Result.Get<Dictionary<string, ReportTest>>(Tests)?.Values ?? (IReadOnlyCollection<ReportTest>)[];
}

/// <summary>A test that looks. That it fails is a result, not an error.</summary>
public sealed class DrillTestStep(IEnumerable<IDrillTest> tests) : IStep
{
    public const string StepName = "drill.test";
    private readonly Dictionary<string, IDrillTest> _tests = tests.ToDictionary(t => t.Id);

    public string Name => StepName;

    public Task<WorldState> CheckAsync(StepContext context) => Task.FromResult(WorldState.NotDone);

    public async Task ActAsync(StepContext context)
    {
        var (id, began) = (context.Parameter<string>("what"), context.Clock.GetTimestamp());
        DrillOutcome outcome;
        try
        {
            outcome = _tests.TryGetValue(id, out var test) ? await test.RunAsync(context.Pair(), context) : DrillOutcome.Skipped($"this node does not know the test {id}");
        }
        catch (Exception failure) when (failure is not (LeaseLostException or OperationCanceledException))
        {
            outcome = DrillOutcome.Failed(failure.Message);
        }
        await context.RecordAsync(id, outcome, context.Clock.GetElapsedTime(began).TotalSeconds);
    }
}

/// <summary>The cluster moves to the target; undone by moving back.</summary>
public sealed class DrillMoveStep(FailoverFault moves) : IStep
{
    public const string StepName = "drill.move";
    public string Name => StepName;

    public async Task<WorldState> CheckAsync(StepContext context) =>
        (await moves.ReadAsync(FaultOf(context), context.Cancel)).Presence switch { FaultPresence.Present => WorldState.Done, FaultPresence.Absent => WorldState.NotDone, _ => WorldState.Unclear };

    public async Task ActAsync(StepContext context)
    {
        var began = context.Clock.GetTimestamp();
        try
        {
            await moves.InjectAsync(FaultOf(context), context.Cancel);
            await context.RecordAsync("move", DrillOutcome.Passed((await moves.ReadAsync(FaultOf(context), context.Cancel)).Measured), context.Clock.GetElapsedTime(began).TotalSeconds);
        }
        catch (FaultException failure)
        {
            await context.RecordAsync("move", DrillOutcome.Failed(failure.Message), context.Clock.GetElapsedTime(began).TotalSeconds);
            throw new StepFailedException(failure.Message, failure) { Final = true };
        }
    }

    public Task UndoAsync(StepContext context) => moves.RevertAsync(FaultOf(context), context.Cancel);

    private static Fault FaultOf(StepContext context)
    {
        var pair = context.Pair();
        return new Fault(FaultKinds.DatabaseFailover, $"cluster:{pair.Cluster}", Fault.TagOf(context.OperationId, context.Index), 100, 60, new JsonObject { ["source"] = pair.Source, ["target"] = pair.Target, [FailoverFault.PartOf] = context.Plan.Title });
    }
}

/// <summary>An operation of another kind as a test: an experiment of the library, or the proof of the newest backup. Undone when it has ended and
/// cleaned up.</summary>
public sealed class DrillChildStep(Lazy<OperationService> operations, OperationReader reader, IOperationFeed journal, IBackupCatalogue backups, IEnumerable<IBackupEngine> engines) : IStep
{
    public const string StepName = "drill.child";
    private const string VerifyKind = "verify";

    public string Name => StepName;

    public async Task<WorldState> CheckAsync(StepContext context) => await FindAsync(context) is { } child && child.State.IsEnd() ? WorldState.Done : WorldState.NotDone;

    public async Task ActAsync(StepContext context)
    {
        var (what, began) = (context.Parameter<string>("what"), context.Clock.GetTimestamp());
        DrillOutcome outcome;
        try
        {
            outcome = await RequestAsync(context) is ({ } kind, { } request, _) ? Judge(await RunAsync(context, kind, request)) : DrillOutcome.Skipped((await RequestAsync(context)).Why ?? "");
        }
        catch (Exception refused) when (refused is BlockedException or RequestRefusedException)
        {
            outcome = DrillOutcome.Skipped(refused.Message);
        }
        await context.RecordAsync(what, outcome, context.Clock.GetElapsedTime(began).TotalSeconds);
    }

    /// <summary>What counts is that it has ended; how, is the test's result.</summary>
    public Task VerifyAsync(StepContext context) => Task.CompletedTask;

    public async Task UndoAsync(StepContext context)
    {
        if (await FindAsync(context) is not { } child || child.State.IsEnd()) return;
        if (child is { State: not OperationState.RollingBack, Wish: null }) await operations.Value.CancelAsync(child.Id, $"{context.Plan.Title} ends", Person.Console, context.Cancel);
        await EndAsync(child.Id, context.Cancel);
    }

    public async Task<bool> IsUndoneAsync(StepContext context) =>
        await FindAsync(context) is not { } child || (child.State.IsEnd() && child.Steps.All(s => s.State is not (StepState.UndoFailed or StepState.Undoing)));

    private async Task<(string? Kind, JsonObject? Request, string? Why)> RequestAsync(StepContext context)
    {
        if (context.Parameter<string>("item") == DrillItemKind.Experiment.Word())
            return (OperationKinds.Experiment, new JsonObject { ["experiment"] = context.Parameter<string>("what"), ["durationSeconds"] = context.Parameter<double>("seconds") }, null);
        if (!engines.Any()) return (null, null, "no backup engine is installed");
        return await backups.NewestVerifiedAsync(context.Pair().Cluster, context.Cancel) is { } newest ? (VerifyKind, new JsonObject { ["backupId"] = newest.Id.ToString() }, null) : (null, null, "there is no backup to restore");
    }

    private async Task<Operation> RunAsync(StepContext context, string kind, JsonObject request)
    {
        request[FailoverFault.PartOf] = context.OperationId.ToString();
        var submitted = await operations.Value.SubmitAsync(new OperationRequest(kind, request, $"part of {context.Plan.Title}")
        {
            // Whoever approved the drill approved what its plan names.
            StandingApproval = true,
            IdempotencyKey = $"{context.OperationId}.{context.Index}",
        }, Person.Console, context.Cancel);
        return await EndAsync(submitted.OperationId, context.Cancel);
    }

    private static DrillOutcome Judge(Operation child)
    {
        var words = child.Kind == OperationKinds.Experiment && ExperimentResult.Of(child) is var result
            ? $"hypothesis {result.Hypothesis}, injection {result.Injection}, clean-up {result.CleanUp}" : child.State.Word();
        var passed = child.State == OperationState.Succeeded && (child.Kind != OperationKinds.Experiment || ExperimentResult.Of(child).Passed);
        return DrillOutcome.Of(passed, $"operation {child.Id}: {words}{(child.EndReason is { Length: > 0 } why ? $" ({why})" : "")}");
    }

    private async Task<Operation?> FindAsync(StepContext context)
    {
        var kind = context.Parameter<string>("item") == DrillItemKind.Experiment.Word() ? OperationKinds.Experiment : VerifyKind;
        return (await reader.ListAsync(kind, limit: 50, cancel: context.Cancel)).FirstOrDefault(o => o.Request[FailoverFault.PartOf]?.ToString() == context.OperationId.ToString()
            && (kind == VerifyKind || o.Request["experiment"]?.ToString() == context.Parameter<string>("what")));
    }

    private async Task<Operation> EndAsync(Guid id, CancellationToken cancel)
    {
        await foreach (var _ in journal.FollowAsync(id, 0, cancel)) { } // until it has ended
        return await reader.GetAsync(id, cancel);
    }
}

/// <summary>A drill passes when something was tested and nothing failed. What was skipped is listed with its reason.</summary>
public sealed class DrillVerdictStep : IStep
{
    public const string StepName = "drill.verdict";
    public string Name => StepName;

    public Task<WorldState> CheckAsync(StepContext context) => Task.FromResult(WorldState.NotDone);

    public async Task ActAsync(StepContext context)
    {
        var tests = context.Recorded();
        int Count(string verdict) => tests.Count(t => t.Verdict == verdict);
        var passed = Count("failed") == 0 && Count("passed") > 0;
        context.Result.Set("verdict", passed ? "passed" : "failed");
        context.Result.Set("passed", Count("passed"));
        context.Result.Set("failed", Count("failed"));
        context.Result.Set("skipped", Count("skipped"));
        await context.SayAsync($"{Count("passed")} passed, {Count("failed")} failed, {Count("skipped")} skipped");
        if (!passed) throw new StepFailedException(tests.FirstOrDefault(t => t.Verdict == "failed") is { } failed ? $"{failed.Name}: {failed.Evidence}" : "Nothing could be tested.") { Final = true };
    }
}
