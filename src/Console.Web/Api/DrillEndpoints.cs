using System.Text.Json.Nodes;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Drills;
using OpsConsole.Core.Drills.Schedules;
using OpsConsole.Core.Operations;

namespace OpsConsole.Web.Api;

/// <param name="Source">region that would be lost; without it the primary's</param>
/// <param name="Target">region that would take over; without it the next one by priority</param>
/// <param name="PlanHash">of a plan that was shown; may be left out</param>
public sealed record DrillCall(string? Source = null, string? Target = null, string? Cluster = null, string? Reason = null, string? PlanHash = null);

public sealed record DrillResultView(Guid OperationId, DrillSuite Suite, string Cluster, string Source, string Target, DateTimeOffset At, bool Passed, int PassedTests, int FailedTests, int SkippedTests, string? Reason, double? MeasuredRtoSeconds, double? MeasuredRpoSeconds)
{
    public static DrillResultView Of(DrillResult result) => new(result.OperationId, result.Suite, result.Pair.Cluster, result.Pair.Source, result.Pair.Target, result.At, result.Passed, result.PassedTests, result.FailedTests, result.SkippedTests, result.Reason, result.RtoSeconds, result.RpoSeconds);
}

public sealed record SuiteView(DrillSuite Suite, string Title, Severity Severity, bool Disturbs, IReadOnlyList<string> Tests, double ScorePercent, DrillResultView? Last);

public sealed record PairReadinessView(
    string Cluster, string Source, string Target, double ScorePercent, double LivePercent, double ProvenPercent, IReadOnlyList<PreflightCheck> Checks, DateTimeOffset? AsOf, NextDrill? NextBestDrill, IReadOnlyList<SuiteView> Suites)
{
    public static PairReadinessView Of(PairReadiness pair) => new(pair.Pair.Cluster, pair.Pair.Source, pair.Pair.Target, pair.ScorePercent, pair.LivePercent, pair.ProvenPercent, pair.Checks, pair.AsOf, pair.NextBestDrill,
        [.. pair.Suites.Select(s => new SuiteView(s.Suite, DrillSuites.Title(s.Suite), DrillSuites.Severity(s.Suite), DrillSuites.Disrupts(s.Suite), [.. DrillSuites.Of(s.Suite).Select(i => i.Name)], s.Score, s.Last is { } last ? DrillResultView.Of(last) : null))]);
}

/// <param name="At">local time in <paramref name="TimeZone"/></param>
public sealed record ScheduleView(string Id, string What, Cadence Every, string At, string TimeZone, double WindowMinutes, DateTimeOffset NextAt, DateTimeOffset? LastAt, Guid? LastOperationId, string LastNote, string? Overdue)
{
    public static ScheduleView Of(ScheduleState state) => new(state.Schedule.Id, state.Schedule.What, state.Schedule.Every, state.Schedule.At, state.TimeZone, state.Schedule.WindowMinutes, state.NextAt, state.LastAt, state.LastOperation, state.LastNote, state.Overdue);
}

public static class DrillEndpoints
{
    public static void MapDrills(this RouteGroupBuilder api)
    {
        api.MapGroup("/readiness").WithTags("Drills").MapGet("", async (string? source, string? target, string? cluster, DrillPlanner planner, DrillReadiness readiness, HttpContext context, Acting acting) =>
            await acting.AsAsync(context, async _ => TypedResults.Ok(PairReadinessView.Of(await readiness.OfAsync(planner.PairOf(Request(null, source, target, cluster)), context.RequestAborted)))))
            .RequireAuthorization(Policies.ViewFleet).WithSummary("How ready a pair of regions is, and which drill would prove most").Produces<PairReadinessView>();
        var drills = api.MapGroup("/drills").WithTags("Drills");
        drills.MapGet("", async (DrillHistory history, CancellationToken cancel) => new Page<DrillResultView>([.. (await history.ListAsync(cancel)).Select(DrillResultView.Of)]))
            .RequireAuthorization(Policies.ViewFleet).WithSummary("Drills that have ended, newest first");
        drills.MapPost("/{suite}/preview", (string suite, HttpContext context, Acting acting, OperationService service) => acting.AsAsync(context, async _ =>
        {
            var call = await OptionalBody.ReadAsync<DrillCall>(context);
            return TypedResults.Ok(PlanPreviewView.Of(await service.PreviewAsync(OperationKinds.Drill, Request(Known(suite), call?.Source, call?.Target, call?.Cluster), context.RequestAborted)));
        })).RequireAuthorization(Policies.ViewFleet).WithSummary("What a drill would do; changes nothing. A body may give source, target and cluster").Produces<PlanPreviewView>();
        drills.MapPost("/{suite}/run", RunAsync).RequireAuthorization(Policies.Operate).WithSummary($"Run a drill: {DrillSuites.Words}").Produces<SubmittedView>(202);
        api.MapGroup("/schedules").WithTags("Schedules").MapGet("", async (ScheduleRunner schedules, CancellationToken cancel) => new Page<ScheduleView>([.. (await schedules.ListAsync(cancel)).Select(ScheduleView.Of)]))
            .RequireAuthorization(Policies.ViewFleet).WithSummary("What begins by itself, when, and whether it did");
    }

    private static Task<IResult> RunAsync(string suite, DrillCall? call, HttpContext context, Acting acting, OperationService service) => acting.AsAsync(context, async person =>
    {
        var request = Request(Known(suite), call?.Source, call?.Target, call?.Cluster);
        var check = new Check();
        var key = context.IdempotencyKey(check);
        check.That(!string.IsNullOrWhiteSpace(call?.Reason), "reason", "Say why; the audit log keeps it.");
        if (check.Problem() is { } problem)
            return problem;
        var submitted = await service.SubmitAsync(new OperationRequest(OperationKinds.Drill, request, call!.Reason!.Trim()) { PlanHash = call.PlanHash, IdempotencyKey = key }, person, context.RequestAborted);
        return TypedResults.Accepted($"/api/v1/operations/{submitted.OperationId}", new SubmittedView(submitted.OperationId, submitted.ApprovalId));
    });

    private static string Known(string suite) => DrillSuites.Parse(suite) is { } known ? System.Text.Json.JsonNamingPolicy.CamelCase.ConvertName(known.ToString())
        : throw new KeyNotFoundException($"There is no suite {suite}: {DrillSuites.Words}.");

    private static JsonObject Request(string? suite, string? source, string? target, string? cluster)
    {
        var request = new JsonObject();
        foreach (var (name, value) in new[] { ("suite", suite), ("source", source), ("target", target), ("cluster", cluster) })
        {
            if (!string.IsNullOrEmpty(value)) request[name] = value;
        }
        return request;
    }
}
