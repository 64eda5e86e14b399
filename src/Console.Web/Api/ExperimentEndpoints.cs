using System.Text.Json.Nodes;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Chaos;
using OpsConsole.Core.Drivers.ChaosToolkit;
using OpsConsole.Core.Operations;

namespace OpsConsole.Web.Api;

/// <param name="DurationSeconds">instead of the experiment's own</param>
/// <param name="IntensityPercent">instead of the experiment's own</param>
/// <param name="PlanHash">of the plan that the preview showed; for a run</param>
public sealed record ExperimentCall(double? DurationSeconds = null, double? IntensityPercent = null, string? PlanHash = null, string? Reason = null, string? Start = null);

public sealed record ExperimentResultView(Guid OperationId, DateTimeOffset At, OperationState State, string Hypothesis, string Injection, string CleanUp)
{
    public static ExperimentResultView? Of(ExperimentResult? result) => result is null ? null : new(result.OperationId, result.At, result.State, result.Hypothesis, result.Injection, result.CleanUp);
}

/// <param name="Unavailable">why it cannot be run now; null: it can</param>
/// <param name="ScorePercent">passed 100, passed more than 30 days ago 75, failed 50, never run 0</param>
public sealed record ExperimentView(
    string Id, ExperimentGroup Group, Severity Severity, IReadOnlyList<string> Targets, double DurationSeconds, string Title, string Purpose, string Fault, string TargetsText, double IntensityPercent,
    IReadOnlyList<string> Hypothesis, IReadOnlyList<string> Abort, bool CanLoseData, string? Unavailable, ExperimentResultView? Last, double ScorePercent)
{
    public static ExperimentView Of(CatalogueEntry entry) => new(entry.Experiment.Id, entry.Experiment.Group, entry.Experiment.Severity, entry.Targets, entry.DurationSeconds, entry.Experiment.Title, entry.Experiment.Purpose,
        entry.Experiment.Fault, entry.TargetsText, entry.IntensityPercent, [.. entry.Experiment.Hypothesis], [.. entry.Experiment.Abort], entry.Experiment.CanLoseData, entry.Unavailable, ExperimentResultView.Of(entry.Last), entry.Score);
}

/// <param name="Experiment">JSON of Chaos Toolkit</param>
/// <param name="DryRun">only say what would map</param>
public sealed record ImportCall(string? Id = null, JsonObject? Experiment = null, bool? DryRun = null);

/// <param name="Id">null: nothing of its method maps</param>
public sealed record ImportView(string? Id, bool Saved, IReadOnlyList<MappedPart> Parts);

public sealed record ResilienceView(double ScorePercent, int Proven, int Of, IReadOnlyList<ResiliencePoint> Trend);

public static class ExperimentEndpoints
{
    public static void MapExperiments(this RouteGroupBuilder api)
    {
        var experiments = api.MapGroup("/experiments").WithTags("Experiments");
        experiments.MapGet("", async (ExperimentCatalogue catalogue, CancellationToken cancel) => new Page<ExperimentView>([.. (await catalogue.ListAsync(cancel)).Select(ExperimentView.Of)]))
            .RequireAuthorization(Policies.ViewFleet).WithSummary("The library, with targets as the fleet is now");
        experiments.MapGet("/score", async (ExperimentCatalogue catalogue, ExperimentLibrary library, TimeProvider time, CancellationToken cancel) =>
        {
            var trend = Resilience.Trend(time.GetUtcNow(), [.. library.All], await catalogue.ResultsAsync(cancel));
            return new ResilienceView(trend[^1].Percent, trend[^1].Proven, trend[^1].Of, trend);
        }).RequireAuthorization(Policies.ViewFleet).WithSummary("The resilience score and its trend");
        experiments.MapGet("/{id}", async (string id, ExperimentCatalogue catalogue, CancellationToken cancel) =>
            await catalogue.FindAsync(id, cancel) is { } found ? ExperimentView.Of(found) : throw Unknown(id))
            .RequireAuthorization(Policies.ViewFleet).WithSummary("One experiment");
        experiments.MapPost("/{id}/preview", (string id, HttpContext context, Acting acting, ExperimentLibrary library, OperationService service) => acting.AsAsync(context, async _ =>
        {
            if (library.Find(id) is null) throw Unknown(id);
            var call = await OptionalBody.ReadAsync<ExperimentCall>(context);
            return TypedResults.Ok(PlanPreviewView.Of(await service.PreviewAsync(OperationKinds.Experiment, Request(id, call), context.RequestAborted)));
        })).RequireAuthorization(Policies.ViewFleet).WithSummary("What would be broken and put back, what was measured, who must agree; changes nothing. A body may give durationSeconds and intensityPercent").Produces<PlanPreviewView>();
        experiments.MapGet("/{id}/chaos-toolkit", (string id, HttpContext context, Acting acting, ExperimentLibrary library, ExperimentPlanner planner, ToolkitExport export) => acting.AsAsync(context, async _ =>
        {
            if (library.Find(id) is null) throw Unknown(id);
            return TypedResults.Ok(export.Write(await planner.ReadAsync(Request(id, null), context.RequestAborted)));
        })).RequireAuthorization(Policies.ViewFleet).WithSummary("As an experiment of Chaos Toolkit, with what it cannot say").Produces<JsonObject>();
        experiments.MapPost("/import", (ImportCall call, HttpContext context, Acting acting, ToolkitReader reader, ImportedExperiments imported) => acting.AsAsync(context, async person =>
        {
            var check = new Check();
            check.That(call.Experiment is not null, "experiment", "Give the experiment of Chaos Toolkit.");
            check.That(call.Id is { Length: > 0 and <= 60 } && call.Id.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c == '-'), "id", "Give an id of lower case letters, digits and dashes.");
            if (check.Problem() is { } problem)
                return problem;
            var read = reader.Read(call.Experiment!, call.Id!);
            if (call.DryRun != true && read.Experiment is not null) await imported.SaveAsync(read.Experiment, person, context.RequestAborted);
            return TypedResults.Ok(new ImportView(read.Experiment?.Id, call.DryRun != true && read.Experiment is not null, read.Parts));
        })).RequireAuthorization(Policies.Operate).WithSummary("Take over an experiment of Chaos Toolkit, as far as it maps; says what does not").Produces<ImportView>();
        experiments.MapPost("/{id}/run", RunAsync).RequireAuthorization(Policies.Operate).WithSummary("Ask for exactly the plan that was shown").Produces<SubmittedView>(202);
        MapSchedules(api);
    }

    private static Task<IResult> RunAsync(string id, ExperimentCall? call, HttpContext context, Acting acting, ExperimentLibrary library, OperationService service) => acting.AsAsync(context, async person =>
    {
        if (library.Find(id) is null) throw Unknown(id);
        var check = new Check();
        var key = context.IdempotencyKey(check);
        check.That(!string.IsNullOrWhiteSpace(call?.PlanHash), "planHash", "Give the hash of the plan that the preview showed.");
        check.That(!string.IsNullOrWhiteSpace(call?.Reason), "reason", "Say why; approvers and the audit log read it.");
        var start = check.Word<StartMode>("start", call?.Start) ?? StartMode.Automatic;
        if (check.Problem() is { } problem)
            return problem;
        var submitted = await service.SubmitAsync(new OperationRequest(OperationKinds.Experiment, Request(id, call), call!.Reason!.Trim())
        {
            PlanHash = call.PlanHash, Start = start, IdempotencyKey = key,
        }, person, context.RequestAborted);
        return TypedResults.Accepted($"/api/v1/operations/{submitted.OperationId}", new SubmittedView(submitted.OperationId, submitted.ApprovalId));
    });

    private static void MapSchedules(RouteGroupBuilder api)
    {
        var pause = api.MapGroup("/schedules/pause").WithTags("Schedules");
        pause.MapGet("", async (SchedulePause schedules, CancellationToken cancel) => View(await schedules.ActiveAsync(cancel)))
            .RequireAuthorization(Policies.ViewFleet).WithSummary("Whether schedules of experiments and drills stand still, and why");
        pause.MapPost("", (ReasonRequest request, HttpContext context, Acting acting, SchedulePause schedules, TimeProvider time) => acting.AsAsync(context, async person =>
        {
            await schedules.PauseAsync($"person@{time.GetUtcNow():O}", request.Reason ?? "", person, context.RequestAborted);
            return TypedResults.Ok(View(await schedules.ActiveAsync(context.RequestAborted)));
        })).RequireAuthorization(Policies.Operate).WithSummary("Let schedules stand still").Produces<PauseView>();
        pause.MapDelete("", (string? reason, HttpContext context, Acting acting, SchedulePause schedules) => acting.AsAsync(context, async person =>
        {
            await schedules.ResumeAsync(reason ?? "", person, context.RequestAborted);
            return TypedResults.Ok(View(await schedules.ActiveAsync(context.RequestAborted)));
        })).RequireAuthorization(Policies.Operate).WithSummary("Let schedules go on; give ?reason=").Produces<PauseView>();
    }

    internal static JsonObject Request(string id, ExperimentCall? call)
    {
        var request = new JsonObject { ["experiment"] = id };
        if (call?.DurationSeconds is { } duration) request["durationSeconds"] = duration;
        if (call?.IntensityPercent is { } intensity) request["intensityPercent"] = intensity;
        return request;
    }

    private static PauseView View(PausedSchedules? paused) => new(paused is not null, paused?.At, paused?.By, paused?.Reason);

    private static KeyNotFoundException Unknown(string id) => new($"There is no experiment {id}; GET /api/v1/experiments lists them.");
}

public sealed record PauseView(bool Paused, DateTimeOffset? At, string? By, string? Reason);
