using System.Text.Json;
using System.Text.Json.Nodes;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Failover;
using OpsConsole.Core.Failover.Contingencies;
using OpsConsole.Core.Failover.Detection;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;

namespace OpsConsole.Web.Api;

public sealed record BreakGlassRequest(string? Reason);

/// <param name="Overrides">ids of blocking checks to override: two approvers with a second factor</param>
/// <param name="MaxLostBytes">with no-loss overridden: the most that may be lost, 0 or more; absent: no bound</param>
/// <param name="Start"><c>manual</c>: somebody starts it after the last approval</param>
public sealed record FailoverCall(
    string? Cluster, string? Source, string? Target, string? Strategy, bool? Planned, string? Scope = null, IReadOnlyList<string>? Services = null, IReadOnlyList<string>? Overrides = null,
    long? MaxLostBytes = null, string? PlanHash = null, string? Reason = null, string? Start = null, BreakGlassRequest? BreakGlass = null);

/// <param name="Verdict">the worst of the checks: blocking means that it could not move now</param>
/// <param name="Planned">a switchover was judged; false: a failover, since the source does not serve</param>
/// <param name="AsOf">when it was measured</param>
public sealed record ReadinessView(
    string Cluster, string Source, string Target, CheckVerdict Verdict, bool Planned, DateTimeOffset AsOf, IReadOnlyList<PreflightCheck> Checks, ReadinessEstimateView Estimate, double? LoadRps, double? ClockSkewSeconds)
{
    public static ReadinessView Of(ReadinessState r) => new(
        r.Cluster, r.Source, r.Target, r.Verdict, r.Planned, r.AsOf, [.. r.Checks], new ReadinessEstimateView(r.RtoSeconds, r.RpoSeconds, r.LostBytes), r.LoadRps, r.ClockSkewSeconds);
}

public sealed record ReadinessEstimateView(double? RtoSeconds, double? RpoSeconds, long? LostBytes);

/// <param name="Lost">regions that are gone in this case, on top of those that do not serve already</param>
/// <param name="CarriesLoad">null while the load is unknown</param>
/// <param name="Violated">short of capacity, of a target, or of standbys that confirm commits</param>
public sealed record ContingencyView(IReadOnlyList<string> Lost, double RemainingRps, double? LoadRps, bool? CarriesLoad, bool Violated, DateTimeOffset AsOf, IReadOnlyList<ClusterContingencyView> Clusters)
{
    public static ContingencyView Of(Contingency c, DateTimeOffset asOf) => new([.. c.Lost], c.RemainingRps, c.LoadRps, c.CarriesLoad, c.Violated, asOf, [.. c.Clusters.Select(k => new ClusterContingencyView(
        k.Cluster, k.Answer, k.Target, k.Strategy, [.. k.Reasons], k.Plan is { } plan ? PlanView.Of(plan) : null, [.. k.Checks],
        k.Estimate is { } e ? new ReadinessEstimateView(e.RtoSeconds, e.RpoSeconds, e.LostBytes) : null))]);
}

/// <param name="Plan">what would run, with the hash that a request would have to name; null when nothing would</param>
public sealed record ClusterContingencyView(
    string Cluster, ContingencyAnswer Answer, string? Target, FailoverStrategy? Strategy, IReadOnlyList<string> Reasons, PlanView? Plan, IReadOnlyList<PreflightCheck> Checks, ReadinessEstimateView? Estimate);

public sealed record AutomaticCall(bool? Enabled, string? Reason);

public static class FailoverEndpoints
{
    public static void MapFailovers(this RouteGroupBuilder api)
    {
        var failovers = api.MapGroup("/failovers").WithTags("Failover");
        failovers.MapPost("/preview", (FailoverCall call, HttpContext context, Acting acting, OperationService service, FleetModel fleet) => acting.AsAsync(context, async _ =>
        {
            var check = new Check();
            var request = Read(call, fleet, check);
            return check.Problem() ?? TypedResults.Ok(PlanPreviewView.Of(await service.PreviewAsync(OperationKinds.Failover, request, context.RequestAborted)));
        })).RequireAuthorization(Policies.ViewFleet).WithSummary("What would run, what was measured, who must agree; changes nothing").Produces<PlanPreviewView>();
        failovers.MapGet("/readiness", Readiness).RequireAuthorization(Policies.ViewFleet).WithSummary("Whether each cluster could move now from each region to each other, measured all the time").Produces<Page<ReadinessView>>();
        failovers.MapGet("/contingency", ContingencyAsync).RequireAuthorization(Policies.ViewFleet).WithSummary("Planned ahead: what happens when a region is lost, or two").Produces<Page<ContingencyView>>();
        failovers.MapPost("", SubmitAsync).RequireAuthorization(Policies.Operate).WithSummary("Ask for exactly the plan that was shown").Produces<SubmittedView>(202);
        failovers.MapGet("/automatic", async (AutomaticFailover automatic, CancellationToken cancel) => new Page<AutomaticState>(await automatic.ListAsync(cancel)))
            .RequireAuthorization(Policies.ViewFleet).WithSummary("Which clusters fail over by themselves");
        failovers.MapPost("/automatic/{cluster}", (string cluster, AutomaticCall call, HttpContext context, Acting acting, AutomaticFailover automatic, FleetModel fleet) => acting.AsAsync(context, async person =>
        {
            if (!fleet.Clusters.ContainsKey(cluster))
                throw new KeyNotFoundException($"There is no cluster {cluster}.");
            var check = new Check();
            check.That(call.Enabled is not null, "enabled", "Give true or false.");
            check.That(!string.IsNullOrWhiteSpace(call.Reason), "reason", "Say why.");
            return check.Problem() ?? TypedResults.Ok(await automatic.SetAsync(cluster, call.Enabled!.Value, call.Reason!.Trim(), person, context.RequestAborted));
        })).RequireAuthorization(Policies.ManageSettings).WithSummary("Turn automatic failover without loss on or off; in force at once").Produces<AutomaticState>();
    }

    private static IResult Readiness(string? cluster, string? source, string? target, FleetViews views, FleetModel fleet)
    {
        var check = new Check();
        check.OneOf("cluster", cluster, fleet.Clusters.Keys);
        check.OneOf("source", source, fleet.Regions.Keys);
        check.OneOf("target", target, fleet.Regions.Keys);
        return check.Problem() ?? TypedResults.Ok(new Page<ReadinessView>(
            [.. views.Current.Readiness.Values.Where(r => (cluster is null || r.Cluster == cluster) && (source is null || r.Source == source) && (target is null || r.Target == target)).Select(ReadinessView.Of)]));
    }

    private static async Task<IResult> ContingencyAsync(int? lost, ContingencyPlans plans, CancellationToken cancel)
    {
        var check = new Check();
        if (lost is { } count) check.Range("lost", count, 1, 2);
        if (check.Problem() is { } problem) return problem;
        var report = await plans.GetAsync(cancel);
        return TypedResults.Ok(new Page<ContingencyView>([.. report.Cases.Where(c => lost is null || c.Lost.Length == lost).Select(c => ContingencyView.Of(c, report.AsOf))]));
    }

    private static Task<IResult> SubmitAsync(FailoverCall call, HttpContext context, Acting acting, OperationService service, OperationReader reader, FleetModel fleet) => acting.AsAsync(context, async person =>
    {
        var check = new Check();
        var request = Read(call, fleet, check);
        var key = context.IdempotencyKey(check);
        check.That(!string.IsNullOrWhiteSpace(call.PlanHash), "planHash", "Give the hash of the plan that the preview showed.");
        check.That(!string.IsNullOrWhiteSpace(call.Reason), "reason", "Say why; approvers and the audit log read it.");
        check.Length("reason", call.Reason);
        check.Length("breakGlass.reason", call.BreakGlass?.Reason);
        check.That(call.BreakGlass is null || !string.IsNullOrWhiteSpace(call.BreakGlass.Reason), "breakGlass.reason", "Say why nobody can be asked.");
        var start = check.Word<StartMode>("start", call.Start) ?? StartMode.Automatic;
        if (check.Problem() is { } problem)
            return problem;
        try
        {
            var submitted = await service.SubmitAsync(new OperationRequest(OperationKinds.Failover, request, call.Reason!.Trim())
            {
                PlanHash = call.PlanHash, Start = start, IdempotencyKey = key, BreakGlassReason = call.BreakGlass?.Reason,
            }, person, context.RequestAborted);
            return TypedResults.Accepted($"/api/v1/operations/{submitted.OperationId}", new SubmittedView(submitted.OperationId, submitted.ApprovalId));
        }
        catch (RequestRefusedException refused) when (refused.Rule == "preflight")
        {
            // One that is blocked by another operation hears which, whatever else is amiss.
            var holder = await HolderAsync(reader, $"cluster:{call.Cluster}", context.RequestAborted);
            if (holder is null) throw;
            return Acting.Blocked(holder.Id, $"{holder.Plan.Title} ({holder.Id}) holds the cluster. Wait for it to end, or cancel it. {refused.Message}", refused.Checks);
        }
    });

    private static async Task<Operation?> HolderAsync(OperationReader reader, string resource, CancellationToken cancel) =>
        await reader.TopologyHolderAsync(resource, cancel) is { } holder && !OperationKinds.Preempts(OperationKinds.Failover, holder.Kind) ? await reader.GetAsync(holder.Id, cancel) : null;

    private static JsonObject Read(FailoverCall call, FleetModel fleet, Check check)
    {
        check.That(call.Cluster is not null && fleet.Clusters.ContainsKey(call.Cluster), "cluster", $"Give one of {string.Join(", ", fleet.Clusters.Keys.Order(StringComparer.Ordinal))}.");
        Region(call.Source, "source");
        Region(call.Target, "target");
        check.That(call.Source is null || call.Source != call.Target, "target", "Choose another region than the source.");
        var strategy = check.Word<FailoverStrategy>("strategy", call.Strategy) ?? FailoverStrategy.Immediate;
        check.That(call.Planned is not null, "planned", "Give true for a switchover (the source serves, nothing is lost) or false for a failover (the source is fenced).");
        var unknown = (call.Overrides ?? []).Except(FailoverPreflight.Ids).ToList();
        check.That(unknown.Count == 0, "overrides", $"Unknown: {string.Join(", ", unknown)}. Use ids of checks: {string.Join(", ", FailoverPreflight.Ids)}.");
        check.That(call.MaxLostBytes is null or >= 0, FailoverPlanner.LostBytesBound, "Give bytes, 0 or more, or nothing for no bound.");
        check.That(call.MaxLostBytes is null || (call.Planned == false && call.Overrides?.Contains(FailoverPreflight.NoLoss) == true), FailoverPlanner.LostBytesBound, "It bounds a loss that is accepted: give it with planned false and the override no-loss.");
        check.That(!string.IsNullOrEmpty(call.Strategy), "strategy", "Give immediate, gradual, canary or blueGreen.");
        var scope = check.Word<FailoverScope>("scope", call.Scope) ?? FailoverScope.Full;
        var services = call.Services ?? [];
        check.That(scope == FailoverScope.Partial == services.Count > 0, "services", "Name services with the scope partial, and only with it.");
        check.That(services.All(fleet.Services.ContainsKey), "services", $"Unknown: {string.Join(", ", services.Where(s => !fleet.Services.ContainsKey(s)))}.");
        var request = new FailoverRequest(call.Cluster ?? "", call.Source ?? "", call.Target ?? "", strategy, call.Planned ?? false, scope, [.. services.Order(StringComparer.Ordinal)], [.. (call.Overrides ?? []).Order(StringComparer.Ordinal)], MaxLostBytes: call.MaxLostBytes);
        return JsonSerializer.SerializeToNode(request, OperationJson.Options)!.AsObject();

        void Region(string? id, string field) =>
            check.That(id is not null && fleet.Regions.ContainsKey(id), field, $"Give one of {string.Join(", ", fleet.Regions.Keys.Order(StringComparer.Ordinal))}.");
    }
}
