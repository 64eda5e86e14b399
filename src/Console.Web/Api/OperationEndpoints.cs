using System.Globalization;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Operations;
using OpsConsole.Web.Identity;

namespace OpsConsole.Web.Api;

public static class OperationEndpoints
{
    public static void MapOperations(this RouteGroupBuilder api)
    {
        var operations = api.MapGroup("/operations").WithTags("Operations");
        operations.MapGet("", ListAsync).RequireAuthorization(Policies.ViewFleet).WithSummary("Operations, newest first").Produces<Page<OperationView>>();
        operations.MapGet("/{id:guid}", async (Guid id, HttpContext context, OperationReader reader, CancellationToken cancel) =>
            await reader.FindAsync(id, cancel) is { } found ? OperationView.Of(found, context.User) : throw new KeyNotFoundException($"There is no operation {id}."))
            .RequireAuthorization(Policies.ViewFleet).WithSummary("One operation with its steps");
        operations.MapGet("/{id:guid}/events", EventsAsync).RequireAuthorization(Policies.ViewFleet).WithSummary("Its journal as server-sent events, live until it ends; resume with Last-Event-ID");
        operations.MapPost("/{id:guid}/start", (Guid id, HttpContext context, Acting acting, OperationService service) =>
            acting.AsAsync(context, async person => Accepted(await service.StartAsync(id, person, context.RequestAborted), context)))
            .RequireAuthorization(Policies.Operate).WithSummary("Start an approved operation that waits for it").Produces<OperationView>(202);
        Change(operations, "cancel", "End it: what has begun is undone", (service, id, reason, person, cancel) => service.CancelAsync(id, reason, person, cancel));
        Change(operations, "rollback", "Take it back; after success by a new operation, within the commit window", (service, id, reason, person, cancel) => service.RollBackAsync(id, reason, person, cancel));
        Change(operations, "commit", "Close the commit window", (service, id, reason, person, cancel) => service.CommitAsync(id, reason, person, cancel));
        Change(operations, "take-over", "See to what cannot be cleaned up oneself: it is not tried any more", (service, id, reason, person, cancel) => service.TakeOverAsync(id, reason, person, cancel));
        Change(operations, "retry", "Go on with a failed operation past its point of no return", (service, id, reason, person, cancel) => service.RetryAsync(id, reason, person, cancel));
    }

    private static void Change(RouteGroupBuilder operations, string verb, string summary, Func<OperationService, Guid, string, Person, CancellationToken, Task<Operation>> change) =>
        operations.MapPost($"/{{id:guid}}/{verb}", (Guid id, ReasonRequest? request, HttpContext context, Acting acting, OperationService service) =>
            acting.AsAsync(context, async person =>
            {
                var check = new Check();
                check.That(!string.IsNullOrWhiteSpace(request?.Reason), "reason", "Say why.");
                check.Length("reason", request?.Reason);
                return check.Problem() ?? Accepted(await change(service, id, request!.Reason!.Trim(), person, context.RequestAborted), context);
            })).RequireAuthorization(Policies.Operate).WithSummary(summary).Produces<OperationView>(202);

    private static IResult Accepted(Operation operation, HttpContext context) => TypedResults.Accepted($"/api/v1/operations/{operation.Id}", OperationView.Of(operation, context.User));

    private static async Task<IResult> ListAsync(string? kind, string? state, string? resource, string? cursor, int? limit, HttpContext context, OperationReader reader, PlannerRegistry planners, CancellationToken cancel)
    {
        var check = new Check();
        var wanted = check.Word<OperationState>("state", state);
        check.OneOf("kind", kind, planners.Kinds);
        var size = check.Range("limit", limit ?? 50, 1, 500);
        var before = check.Cursor(cursor);
        if (check.Problem() is { } problem)
            return problem;
        var found = await reader.ListAsync(string.IsNullOrEmpty(kind) ? null : kind, wanted, resource, before, size, cancel);
        return TypedResults.Ok(new Page<OperationView>([.. found.Select(o => OperationView.Of(o, context.User))], found.Count == size ? found[^1].Id.ToString() : null));
    }

    private static async Task<IResult> EventsAsync(Guid id, HttpContext context, OperationReader reader, IOperationFeed feed, SessionCheck session)
    {
        if (await reader.FindAsync(id, context.RequestAborted) is null)
            throw new KeyNotFoundException($"There is no operation {id}.");
        var check = new Check();
        long after = 0;
        var last = context.Request.Headers["Last-Event-ID"].ToString();
        check.That(last.Length == 0 || long.TryParse(last, NumberStyles.None, CultureInfo.InvariantCulture, out after), "Last-Event-ID", "Give back the id of the last event.");
        return check.Problem() ?? TypedResults.ServerSentEvents(FollowAsync(session.WhileValidAsync(feed.FollowAsync(id, after, context.RequestAborted), context.User, context.RequestAborted), context.RequestAborted));
    }

    private static async IAsyncEnumerable<SseItem<OperationEventView>> FollowAsync(IAsyncEnumerable<OperationEvent> events, [EnumeratorCancellation] CancellationToken cancel)
    {
        await foreach (var happened in events.WithCancellation(cancel))
            yield return new SseItem<OperationEventView>(OperationEventView.Of(happened), happened.Kind) { EventId = happened.Sequence.ToString(CultureInfo.InvariantCulture) };
    }
}
