using System.Text.Json.Nodes;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Operations;
using OpsConsole.Core.Backups.Schedules;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Operations;
using OpsConsole.Web.Identity;

namespace OpsConsole.Web.Api;

public sealed record BackupCall(string? Cluster, string? Type, string? Engine = null, string? Reason = null);

/// <param name="TimeZone">of the policy's times of day; the moments themselves are in UTC</param>
public sealed record BackupScheduleView(string Cluster, string TimeZone, IReadOnlyList<PlannedRun> Runs);

public sealed record HoldCall(bool? Hold, string? Reason);

public static class BackupEndpoints
{
    public static void MapBackups(this RouteGroupBuilder api)
    {
        var backups = api.MapGroup("/backups").WithTags("Backups");
        backups.MapGet("", ListAsync).RequireAuthorization(Policies.ViewFleet).WithSummary("The catalogue, newest first").Produces<Page<BackupView>>();
        backups.MapGet("/{id:guid}", async (Guid id, IBackupCatalogue catalogue, TimeProvider clock, CancellationToken cancel) =>
            BackupView.Of(await catalogue.FindAsync(id, cancel) ?? throw new KeyNotFoundException($"There is no backup {id}."), clock.GetUtcNow()))
            .RequireAuthorization(Policies.ViewFleet).WithSummary("One backup");
        backups.MapGet("/{id:guid}/life", async (Guid id, IBackupCatalogue catalogue, CancellationToken cancel) => await catalogue.FindAsync(id, cancel) is null
            ? throw new KeyNotFoundException($"There is no backup {id}.") : new Page<BackupChange>(await catalogue.LifeAsync(id, cancel)))
            .RequireAuthorization(Policies.ViewFleet).WithSummary("Everything that happened to it, oldest first");
        backups.MapPost("", TakeAsync).RequireAuthorization(Policies.Operate).WithSummary("Take a backup now").Produces<SubmittedView>(202);
        backups.MapPost("/{id:guid}/verify", VerifyAsync).RequireAuthorization(Policies.Operate).WithSummary("Prove it: checksums, a restore, its data").Produces<SubmittedView>(202);
        backups.MapPost("/{id:guid}/hold", HoldAsync).RequireAuthorization(Policies.Operate).WithSummary("Keep it from being deleted, or let it go again").Produces<BackupView>();
        backups.MapGet("/retention/{cluster}", RetentionAsync).RequireAuthorization(Policies.ViewFleet).WithSummary("What the policy keeps and what would go, with reasons").Produces<Page<RetentionView>>();
        backups.MapGet("/schedule/{cluster}", async (string cluster, BackupScheduler scheduler, BackupsOptions options, FleetModel fleet, CancellationToken cancel) => fleet.Clusters.ContainsKey(cluster)
            ? new BackupScheduleView(cluster, options.TimeZone, await scheduler.AheadAsync(cluster, TimeSpan.FromDays(7), cancel)) : throw new KeyNotFoundException($"There is no cluster {cluster}."))
            .RequireAuthorization(Policies.ViewFleet).WithSummary("The next week's runs, if the load stays as it is, with reasons");
        backups.MapGet("/coverage", async (BackupCoverage coverage, CancellationToken cancel) => new Page<ClusterCoverage>(await coverage.ReadAsync(cancel)))
            .RequireAuthorization(Policies.ViewFleet).WithSummary("For each database: how it could be brought back now");
        backups.MapPost("/expire", ExpireAsync).RequireAuthorization(Policies.Operate).WithSummary("Delete what the policy no longer keeps").Produces<SubmittedView>(202);
    }

    private static async Task<IResult> ListAsync(string? cluster, bool? expired, string? cursor, int? limit, IBackupCatalogue catalogue, FleetModel fleet, TimeProvider clock, CancellationToken cancel)
    {
        var check = new Check();
        check.OneOf("cluster", cluster, fleet.Clusters.Keys);
        var size = check.Range("limit", limit ?? 100, 1, 500);
        var before = Guid.TryParse(cursor, out var id) ? id : (Guid?)null;
        check.That(cursor is null || before is not null, "cursor", "Give back nextCursor as it was.");
        if (check.Problem() is { } problem)
            return problem;
        var found = await catalogue.ListAsync(cluster, expired ?? false, before, size, cancel);
        return TypedResults.Ok(new Page<BackupView>([.. found.Select(b => BackupView.Of(b, clock.GetUtcNow()))], found.Count == size ? found[^1].Id.ToString() : null));
    }

    private static Task<IResult> TakeAsync(BackupCall call, HttpContext context, Acting acting, OperationService service, FleetModel fleet) => acting.AsAsync(context, async person =>
    {
        var check = new Check();
        check.Cluster(call.Cluster, fleet);
        var type = check.Word<BackupType>("type", call.Type);
        check.That(!string.IsNullOrEmpty(call.Type), "type", "Give full, incremental, logical or configuration.");
        if (check.Problem() is { } problem)
            return problem;
        var request = new JsonObject { ["cluster"] = call.Cluster, ["type"] = type!.Value.ToString().ToLowerInvariant() };
        if (!string.IsNullOrEmpty(call.Engine)) request["engine"] = call.Engine;
        return await SubmitAsync(new OperationRequest(BackupKinds.Backup, request, Reason(call.Reason, "on demand")), context, service, person);
    });

    private static Task<IResult> VerifyAsync(Guid id, HttpContext context, Acting acting, OperationService service, IBackupCatalogue catalogue) => acting.AsAsync(context, async person =>
    {
        if (await catalogue.FindAsync(id, context.RequestAborted) is null)
            throw new KeyNotFoundException($"There is no backup {id}.");
        return await SubmitAsync(new OperationRequest(BackupKinds.Verify, new JsonObject { ["backupId"] = id.ToString() }, "on demand"), context, service, person);
    });

    private static Task<IResult> HoldAsync(Guid id, HoldCall call, HttpContext context, Acting acting, BackupHolds holds, TimeProvider clock) => acting.AsAsync(context, async person =>
    {
        var check = new Check();
        check.That(call.Hold is not null, "hold", "Give true or false.");
        check.That(!string.IsNullOrWhiteSpace(call.Reason), "reason", "Say why.");
        return check.Problem() ?? TypedResults.Ok(BackupView.Of(await holds.HoldAsync(id, call.Hold!.Value, call.Reason!.Trim(), person, context.RequestAborted), clock.GetUtcNow()));
    });

    private static async Task<IResult> RetentionAsync(string cluster, IBackupCatalogue catalogue, BackupsOptions options, FleetModel fleet, TimeProvider clock, CancellationToken cancel)
    {
        if (!fleet.Clusters.ContainsKey(cluster))
            throw new KeyNotFoundException($"There is no cluster {cluster}.");
        var decisions = Retention.Decide(await catalogue.ListAsync(cluster, limit: 100_000, cancel: cancel), options.PolicyOf(cluster), options.Zone, clock.GetUtcNow(), b => ObjectLocks.Until(fleet.Options, b));
        return TypedResults.Ok(new Page<RetentionView>([.. decisions.Select(d => new RetentionView(d.Backup.Id, d.Backup.EndedAt, d.Backup.Type, d.Backup.Engine, d.Keep, d.Reason))]));
    }

    private static Task<IResult> ExpireAsync(BackupCall call, HttpContext context, Acting acting, OperationService service, FleetModel fleet) => acting.AsAsync(context, async person =>
    {
        var check = new Check();
        check.Cluster(call.Cluster, fleet);
        return check.Problem() ?? await SubmitAsync(new OperationRequest(BackupKinds.Expire, new JsonObject { ["cluster"] = call.Cluster }, Reason(call.Reason, "by policy")), context, service, person);
    });

    internal static async Task<IResult> SubmitAsync(OperationRequest request, HttpContext context, OperationService service, Person person)
    {
        var check = new Check();
        var key = context.IdempotencyKey(check);
        if (check.Problem() is { } problem)
            return problem;
        var submitted = await service.SubmitAsync(request with { IdempotencyKey = key }, person, context.RequestAborted);
        return TypedResults.Accepted($"/api/v1/operations/{submitted.OperationId}", new SubmittedView(submitted.OperationId, submitted.ApprovalId));
    }

    internal static void Cluster(this Check check, string? cluster, FleetModel fleet) =>
        check.That(cluster is not null && fleet.Clusters.ContainsKey(cluster), "cluster", $"Give one of {string.Join(", ", fleet.Clusters.Keys.Order(StringComparer.Ordinal))}.");

    internal static string Reason(string? given, string otherwise) => string.IsNullOrWhiteSpace(given) ? otherwise : given.Trim();
}
