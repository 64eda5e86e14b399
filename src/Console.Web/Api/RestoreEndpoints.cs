using System.Globalization;
using System.Text.Json.Nodes;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Operations;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Operations;

namespace OpsConsole.Web.Api;

/// <param name="TargetTime">any moment of the restorable range; without it the backup's own</param>
/// <param name="Destination">new: an instance of its own; inPlace: the living database, with approval</param>
/// <param name="Region">where a new instance shall be; null: where a place is free, by priority</param>
public sealed record RestoreCall(
    string? Cluster, Guid? BackupId, DateTimeOffset? TargetTime, string? Destination, string? Region = null,
    string? PlanHash = null, string? Reason = null, string? Start = null, BreakGlassRequest? BreakGlass = null);

/// <param name="NewestRestorableAt">newest moment whose log is stored; later ones are brought in when they are asked for</param>
/// <param name="Marks">what happened in between, oldest first: backups, promotions, unplanned failovers, experiments, alarms</param>
public sealed record RangeView(string Cluster, DateTimeOffset? OldestRestorableAt, DateTimeOffset? NewestRestorableAt, IReadOnlyList<HistoryFork> Forks, IReadOnlyList<LogGap> Gaps, IReadOnlyList<RestoreMark> Marks);

public static class RestoreEndpoints
{
    private const string InPlace = "inPlace";
    private static readonly string[] Destinations = ["new", InPlace];

    public static void MapRestores(this RouteGroupBuilder api)
    {
        var restores = api.MapGroup("/restores").WithTags("Backups");
        restores.MapGet("/range", RangeAsync).RequireAuthorization(Policies.ViewFleet).WithSummary("Between which moments a cluster can be restored").Produces<RangeView>();
        restores.MapPost("/preview", (RestoreCall call, HttpContext context, Acting acting, OperationService service, FleetModel fleet) => acting.AsAsync(context, async _ =>
        {
            var check = new Check();
            var request = Read(call, fleet, check);
            return check.Problem() ?? TypedResults.Ok(PlanPreviewView.Of(await service.PreviewAsync(BackupKinds.Restore, request, context.RequestAborted)));
        })).RequireAuthorization(Policies.ViewFleet).WithSummary("What would run, what was measured, who must agree; changes nothing").Produces<PlanPreviewView>();
        restores.MapPost("", (RestoreCall call, HttpContext context, Acting acting, OperationService service, FleetModel fleet) => acting.AsAsync(context, async person =>
        {
            var check = new Check();
            var request = Read(call, fleet, check);
            check.That(call.Destination != InPlace || !string.IsNullOrWhiteSpace(call.PlanHash), "planHash", "Give the hash of the plan that the preview showed.");
            check.That(call.Destination != InPlace || !string.IsNullOrWhiteSpace(call.Reason), "reason", "Say why; approvers and the audit log read it.");
            check.That(call.BreakGlass is null || !string.IsNullOrWhiteSpace(call.BreakGlass.Reason), "breakGlass.reason", "Say why nobody can be asked.");
            var start = check.Word<StartMode>("start", call.Start) ?? StartMode.Automatic;
            return check.Problem() ?? await BackupEndpoints.SubmitAsync(new OperationRequest(BackupKinds.Restore, request, BackupEndpoints.Reason(call.Reason, "on demand"))
            {
                PlanHash = call.PlanHash, Start = start, BreakGlassReason = call.BreakGlass?.Reason,
            }, context, service, person);
        })).RequireAuthorization(Policies.Operate).WithSummary("Restore to a backup or to a moment").Produces<SubmittedView>(202);
    }

    private static async Task<IResult> RangeAsync(string? cluster, IBackupCatalogue catalogue, RestoreMarks marks, FleetModel fleet, CancellationToken cancel)
    {
        var check = new Check();
        check.Cluster(cluster, fleet);
        if (check.Problem() is { } problem)
            return problem;
        var range = await catalogue.RangeAsync(cluster!, cancel);
        var happened = range is null ? [] : await marks.ReadAsync(cluster!, range, await catalogue.ListAsync(cluster, cancel: cancel), cancel);
        return TypedResults.Ok(new RangeView(cluster!, range?.From, range?.To, range?.Forks ?? [], range?.Gaps ?? [], happened));
    }

    private static JsonObject Read(RestoreCall call, FleetModel fleet, Check check)
    {
        check.Cluster(call.Cluster, fleet);
        check.That(call.BackupId is not null || call.TargetTime is not null, "targetTime", "Give backupId, targetTime or both.");
        check.That(Destinations.Contains(call.Destination), "destination", "Give new or inPlace.");
        var request = new JsonObject { ["cluster"] = call.Cluster, ["destination"] = call.Destination };
        if (call.BackupId is { } backup) request["backupId"] = backup.ToString();
        if (call.TargetTime is { } at) request["targetTime"] = at.UtcDateTime.ToString("O", CultureInfo.InvariantCulture);
        if (!string.IsNullOrEmpty(call.Region)) request["region"] = call.Region;
        return request;
    }
}
