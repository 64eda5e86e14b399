using System.Text.Json.Nodes;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Failover.Topology;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Operations;

namespace OpsConsole.Web.Api;

/// <param name="Action">addStandby, repoint, rejoin or dropSlots</param>
/// <param name="Region">of the node that is changed</param>
/// <param name="Upstream">region that it streams from afterwards; not with dropSlots</param>
public sealed record TopologyCall(string? Action, string? Region, string? Upstream = null, string? PlanHash = null, string? Reason = null);

public static class TopologyEndpoints
{
    public static void MapTopology(this RouteGroupBuilder api)
    {
        var topology = api.MapGroup("/replication/{cluster}/topology").WithTags("Replication");
        topology.MapPost("/preview", (string cluster, TopologyCall call, HttpContext context, Acting acting, OperationService service, FleetModel fleet) => acting.AsAsync(context, async _ =>
        {
            var check = new Check();
            var request = Read(cluster, call, fleet, check);
            return check.Problem() ?? TypedResults.Ok(PlanPreviewView.Of(await service.PreviewAsync(TopologyPlanner.KindName, request, context.RequestAborted)));
        })).RequireAuthorization(Policies.ViewFleet).WithSummary("What would be done with one node, and what was measured; changes nothing").Produces<PlanPreviewView>();
        topology.MapPost("", (string cluster, TopologyCall call, HttpContext context, Acting acting, OperationService service, FleetModel fleet) => acting.AsAsync(context, async person =>
        {
            var check = new Check();
            var request = Read(cluster, call, fleet, check);
            var key = context.IdempotencyKey(check);
            check.That(!string.IsNullOrWhiteSpace(call.PlanHash), "planHash", "Give the hash of the plan that the preview showed.");
            check.That(!string.IsNullOrWhiteSpace(call.Reason), "reason", "Say why; approvers and the audit log read it.");
            if (check.Problem() is { } problem)
                return problem;
            var submitted = await service.SubmitAsync(new OperationRequest(TopologyPlanner.KindName, request, call.Reason!.Trim()) { PlanHash = call.PlanHash, IdempotencyKey = key }, person, context.RequestAborted);
            return TypedResults.Accepted($"/api/v1/operations/{submitted.OperationId}", new SubmittedView(submitted.OperationId, submitted.ApprovalId));
        })).RequireAuthorization(Policies.Operate).WithSummary("Add or re-point a standby, bring a node back, drop slots of a dead one").Produces<SubmittedView>(202);
    }

    private static JsonObject Read(string cluster, TopologyCall call, FleetModel fleet, Check check)
    {
        if (!fleet.Clusters.TryGetValue(cluster, out var declared))
            throw new KeyNotFoundException($"There is no cluster {cluster}.");
        var regions = declared.Nodes.Select(n => n.Region).ToList();
        var action = check.Word<TopologyAction>("action", call.Action);
        check.That(!string.IsNullOrEmpty(call.Action), "action", "Give addStandby, repoint, rejoin or dropSlots.");
        check.That(call.Region is not null && regions.Contains(call.Region), "region", $"Give one of {string.Join(", ", regions)}.");
        check.That(action == TopologyAction.DropSlots || (call.Upstream is not null && regions.Contains(call.Upstream) && call.Upstream != call.Region), "upstream", "Give another region of the cluster: the node streams from there afterwards.");
        var request = new JsonObject { ["cluster"] = cluster, ["action"] = action?.ToString(), ["region"] = call.Region };
        if (action != TopologyAction.DropSlots) request["upstream"] = call.Upstream;
        return request;
    }
}
