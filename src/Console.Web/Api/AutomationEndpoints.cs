using OpsConsole.Core.Approvals;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Operations;

namespace OpsConsole.Web.Api;

/// <param name="Scope"><c>fleet</c>, <c>region:ID</c>, <c>service:ID</c> or <c>cluster:ID</c></param>
/// <param name="Hold">maintenance, automationPaused or monitoringPaused</param>
/// <param name="Active">false ends it</param>
/// <param name="Until">null: until somebody ends it</param>
public sealed record HoldRequest(string? Scope, string? Hold, bool? Active, string? Reason, DateTimeOffset? Until);

public static class AutomationEndpoints
{
    public static void MapAutomation(this RouteGroupBuilder api)
    {
        var automation = api.MapGroup("/automation").WithTags("Automation");
        automation.MapGet("", async (Automation holds, CancellationToken cancel) => new Page<ActiveHold>(await holds.ListAsync(cancel)))
            .RequireAuthorization(Policies.ViewFleet).WithSummary("Maintenance, hands-off and pauses that are in force");
        automation.MapPut("", (HoldRequest request, HttpContext context, Acting acting, Automation holds, FleetModel fleet) => acting.AsAsync(context, async person =>
        {
            var check = new Check();
            var hold = check.Word<Hold>("hold", request.Hold);
            check.That(!string.IsNullOrEmpty(request.Hold), "hold", "Give maintenance, automationPaused or monitoringPaused.");
            check.That(!string.IsNullOrWhiteSpace(request.Reason), "reason", "Say why.");
            check.That(request.Active is not null, "active", "Give true to begin or prolong it, false to end it.");
            if (check.Problem() is { } problem)
                return problem;
            if (request.Active == true && !IsDeclared(request.Scope, fleet))
                throw new RequestRefusedException("scope", $"'{request.Scope}' is no scope: give fleet, or region:ID, service:ID or cluster:ID of something that is declared.");
            var (scope, reason, cancel) = (request.Scope ?? Automation.Fleet, request.Reason!.Trim(), context.RequestAborted);
            if (request.Active == true) await holds.SetAsync(scope, hold!.Value, reason, request.Until, person, cancel);
            else await holds.ClearAsync(scope, hold!.Value, reason, person, cancel);
            return TypedResults.Ok(new Page<ActiveHold>(await holds.ListAsync(cancel)));
        })).RequireAuthorization(Policies.Operate).WithSummary("Begin, prolong or end maintenance, hands-off or a pause").Produces<Page<ActiveHold>>();

        var stop = api.MapGroup("/emergency-stop").WithTags("Emergency stop");
        stop.MapGet("", async (EmergencyStop emergency, CancellationToken cancel) => View(await emergency.StatusAsync(cancel))).RequireAuthorization(Policies.ViewFleet).WithSummary("The present stop, or the last one");
        stop.MapPost("", (HttpContext context, Acting acting, EmergencyStop emergency) => acting.AsAsync(context, async person =>
            TypedResults.Ok(View(await emergency.EngageAsync(Reason(await OptionalBody.ReadAsync<ReasonRequest>(context)), person, context.RequestAborted)))))
            .RequireAuthorization(Policies.StopExperiments).WithSummary("End all experiments and drills and undo them; never a failover or a restore").Produces<EmergencyStopView>();
        stop.MapPost("/release", (ReasonRequest request, HttpContext context, Acting acting, EmergencyStop emergency) => acting.AsAsync(context, async person =>
        {
            var check = new Check();
            check.That(!string.IsNullOrWhiteSpace(request.Reason), "reason", "Say why it is safe again.");
            check.Length("reason", request.Reason);
            return check.Problem() ?? TypedResults.Ok(View(await emergency.ReleaseAsync(request.Reason!.Trim(), person, context.RequestAborted)));
        }))
            .RequireAuthorization(Policies.StopExperiments).WithSummary("Let experiments and drills begin again").Produces<EmergencyStopView>();
    }

    private static bool IsDeclared(string? scope, FleetModel fleet) => (scope ?? Automation.Fleet).Split(':', 2) switch
    {
        ["fleet"] => true,
        ["region", var id] => fleet.Regions.ContainsKey(id),
        ["service", var id] => fleet.Services.ContainsKey(id),
        ["cluster", var id] => fleet.Clusters.ContainsKey(id),
        _ => false,
    };

    /// <summary>Stopping must be easy: a missing reason, or none that one could keep, is no obstacle.</summary>
    private static string Reason(ReasonRequest? request) => request?.Reason?.Trim() switch
    {
        null or "" => "emergency stop",
        { Length: > Check.Longest } words => words[..Check.Longest],
        var reason => reason,
    };

    private static EmergencyStopView View(EmergencyStopStatus status) => new(
        status.Engaged, status.EngagedAt, status.By, status.Reason, [.. status.Reverted.Select(r => new RevertedView(r.OperationId, r.Target, r.VerifiedAt))]);
}

/// <param name="VerifiedAt">when the world was read back and nothing of it was left; null: not yet</param>
public sealed record RevertedView(Guid OperationId, string Target, DateTimeOffset? VerifiedAt);

public sealed record EmergencyStopView(bool Engaged, DateTimeOffset? EngagedAt, string? By, string? Reason, IReadOnlyList<RevertedView> Reverted);
