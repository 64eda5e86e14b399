using Microsoft.AspNetCore.Mvc;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Audit;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Live.Nodes;
using OpsConsole.Core.Objectives;
using OpsConsole.Web.Hosting;

namespace OpsConsole.Web.Api;

public sealed record RegionDetail(RegionView Region, IReadOnlyList<ServiceView> Services, IReadOnlyList<LinkView> Links, IReadOnlyList<LatencyView> Latencies);

public sealed record ReplicationView(IReadOnlyList<ClusterView> Clusters);

public sealed record RtoView(double TargetSeconds, string TargetSource, double? EstimatedSeconds, string EstimatedFrom, double? ProvenSeconds, DateTimeOffset? ProvenAt);

public sealed record RpoView(double TargetSeconds, string TargetSource, double? CurrentSeconds, string CurrentFrom, double? ProvenSeconds, DateTimeOffset? ProvenAt, DateTimeOffset? NewestRestorableAt);

public sealed record ClusterObjectivesView(string Id, ServiceTier Tier, RtoView Rto, RpoView Rpo);

public sealed record ErrorBudgetView(string Name, double TargetPercent, double AllowedSeconds, double UsedSeconds, double RemainingSeconds, double CoveredPercent, DateTimeOffset From, DateTimeOffset To);

public sealed record ObjectivesView(IReadOnlyList<ClusterObjectivesView> Clusters, IReadOnlyList<ErrorBudgetView> ErrorBudgets);

/// <summary>Reads of the live picture. Nothing here touches the database, but for error budgets and changes.</summary>
public static class FleetEndpoints
{
    public static void MapFleet(this RouteGroupBuilder api)
    {
        var fleet = api.MapGroup("").WithTags("Fleet").RequireAuthorization(Policies.ViewFleet);
        fleet.MapGet("/status", (FleetViews views) => views.Status()).WithSummary("Overall status, regions, components");
        fleet.MapGet("/regions", (FleetViews views) => new Page<RegionView>(views.Status().Regions)).WithSummary("Regions by priority");
        fleet.MapGet("/regions/{id}", Region).WithSummary("A region with its services, links and latencies");
        fleet.MapGet("/services", Services).WithSummary("Services, filtered").Produces<Page<ServiceView>>();
        fleet.MapGet("/services/{id}", (string id, FleetViews views) => views.Current.Services.TryGetValue(id, out var service)
            ? views.View(service) : throw new KeyNotFoundException($"There is no service {id}.")).WithSummary("A service");
        fleet.MapPost("/services/{id}/circuit/reset", ResetCircuit).RequireAuthorization(Policies.Operate).WithSummary("Forget a service's failures so far: its circuit closes, the next samples decide").Produces(202);
        fleet.MapGet("/replication", Replication).WithSummary("Clusters with their links");
        fleet.MapGet("/latencies", (FleetViews views) => new Page<LatencyView>([.. views.Current.Latencies.Values.Select(FleetViews.View)])).WithSummary("Timed round trips between regions");
        fleet.MapGet("/objectives", ObjectivesAsync).WithSummary("RTO and RPO against target, error budgets");
        fleet.MapGet("/changes", ChangesAsync).WithSummary("What changed lately (default: the last hour)").Produces<Page<ChangeItem>>();
    }

    private static RegionDetail Region(string id, FleetViews views, FleetModel fleet)
    {
        var picture = views.Current;
        var declared = fleet.Regions.GetValueOrDefault(id) ?? throw new KeyNotFoundException($"There is no region {id}.");
        return new RegionDetail(views.Region(declared, picture),
            [.. picture.Services.Values.Where(s => s.Region == id).Select(views.View)],
            [.. picture.Links.Values.Where(l => l.Source == id || l.Target == id).Select(FleetViews.View)],
            [.. picture.Latencies.Values.Where(l => l.Source == id || l.Target == id).Select(FleetViews.View)]);
    }

    private static IResult Services(string? region, string? kind, string? status, string? cursor, int? limit, FleetViews views, FleetModel fleet)
    {
        var check = new Check();
        check.OneOf("region", region, fleet.Regions.Keys);
        var wantedKind = check.Word<ServiceKind>("kind", kind);
        var wantedStatus = check.Word<HealthStatus>("status", status);
        var size = check.Range("limit", limit ?? 500, 1, 5000);
        if (check.Problem() is { } problem)
            return problem;
        var found = views.Current.Services.Values
            .Where(s => (region is null || s.Region == region) && (wantedKind is null || s.Kind == wantedKind) && (wantedStatus is null || s.Status == wantedStatus))
            .Where(s => cursor is null || string.CompareOrdinal(s.Id, cursor) > 0)
            .OrderBy(s => s.Id, StringComparer.Ordinal).Take(size + 1).ToList();
        return TypedResults.Ok(new Page<ServiceView>([.. found.Take(size).Select(views.View)], found.Count > size ? found[size - 1].Id : null));
    }

    private static Task<IResult> ResetCircuit(string id, ReasonRequest? request, HttpContext context, Acting acting, FleetModel fleet, ObserverCommands observer, IAuditLog audit) => acting.AsAsync(context, async person =>
    {
        if (!fleet.Services.ContainsKey(id))
            throw new KeyNotFoundException($"There is no service {id}.");
        var check = new Check();
        check.That(!string.IsNullOrWhiteSpace(request?.Reason), "reason", "Say why.");
        if (check.Problem() is { } problem)
            return problem;
        await audit.AppendAsync(new AuditDraft(person.Email, "service.circuit.reset", $"service:{id}", request!.Reason!.Trim(), person.From), context.RequestAborted);
        await observer.ResetCircuitAsync(id, context.RequestAborted);
        return TypedResults.Accepted($"/api/v1/services/{id}");
    });

    private static ReplicationView Replication(FleetViews views)
    {
        var picture = views.Current;
        return new ReplicationView([.. picture.Clusters.Values.Select(c => FleetViews.View(c, picture.Links.Values.Where(l => l.Cluster == c.Id)))]);
    }

    private static async Task<ObjectivesView> ObjectivesAsync([FromServices] IObjectives objectives, CancellationToken cancel)
    {
        var budgets = await objectives.ErrorBudgetsAsync(cancel);
        return new ObjectivesView(
            [.. objectives.Current().Select(c => new ClusterObjectivesView(c.Cluster, c.Tier,
                new RtoView(c.Rto.TargetSeconds, c.Rto.TargetSource, c.Rto.CurrentSeconds, c.Rto.CurrentSource, c.Rto.ProvenSeconds, c.Rto.ProvenAt),
                new RpoView(c.Rpo.TargetSeconds, c.Rpo.TargetSource, c.Rpo.CurrentSeconds, c.Rpo.CurrentSource, c.Rpo.ProvenSeconds, c.Rpo.ProvenAt, c.NewestRestorableAt)))],
            [.. budgets.Select(b => new ErrorBudgetView(b.Name, b.TargetPercent, b.AllowedSeconds, b.UsedSeconds, b.AllowedSeconds - b.UsedSeconds, b.CoveredPercent, b.From, b.To))]);
    }

    private static async Task<IResult> ChangesAsync(DateTimeOffset? since, int? limit, RecentChanges changes, TimeProvider clock, CancellationToken cancel)
    {
        var check = new Check();
        var size = check.Range("limit", limit ?? 100, 1, 1000);
        return check.Problem() ?? TypedResults.Ok(new Page<ChangeItem>(await changes.ReadAsync(since ?? clock.GetUtcNow().AddHours(-1), size, cancel)));
    }
}
