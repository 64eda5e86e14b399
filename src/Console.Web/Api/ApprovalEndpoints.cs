using OpsConsole.Core.Approvals;
using OpsConsole.Core.Operations;

namespace OpsConsole.Web.Api;

public sealed record ApproveRequest(string? PlanHash, string? Comment);

public sealed record PolicyRequest(ApprovalPolicy? Policy, string? Reason);

public sealed record PolicyView(int Version, string Hash, ApprovalPolicy Policy);

public sealed record ReviewRequest(string? Notes);

public static class ApprovalEndpoints
{
    public static void MapApprovals(this RouteGroupBuilder api)
    {
        var approvals = api.MapGroup("/approvals").WithTags("Approvals");
        approvals.MapGet("", ListAsync).RequireAuthorization(Policies.ViewFleet).WithSummary("Approvals, newest first").Produces<Page<ApprovalView>>();
        approvals.MapGet("/{id:guid}", DetailAsync).RequireAuthorization(Policies.ViewFleet).WithSummary("One approval with exactly what would run").Produces<ApprovalDetailView>();
        approvals.MapPost("/{id:guid}/approve", (Guid id, ApproveRequest request, HttpContext context, Acting acting, ApprovalService service) => acting.AsAsync(context, async person =>
        {
            var check = new Check();
            check.That(!string.IsNullOrWhiteSpace(request.PlanHash), "planHash", "Give the hash of the plan that you agree to.");
            check.Length("comment", request.Comment);
            return check.Problem() ?? TypedResults.Ok(ApprovalView.Of(await service.ApproveAsync(id, request.PlanHash!, request.Comment?.Trim() ?? "", person, context.RequestAborted)));
        })).RequireAuthorization(Policies.Approve).WithSummary("Agree to exactly this plan; X-Totp or X-Passkey where the rule asks for it").Produces<ApprovalView>();
        approvals.MapPost("/{id:guid}/reject", (Guid id, ReasonRequest request, HttpContext context, Acting acting, ApprovalService service) => acting.AsAsync(context, async person =>
            TooLong("reason", request.Reason) ?? TypedResults.Ok(ApprovalView.Of(await service.RejectAsync(id, request.Reason?.Trim() ?? "", person, context.RequestAborted)))))
            .RequireAuthorization(Policies.Approve).WithSummary("Refuse it; one denial blocks").Produces<ApprovalView>();

        approvals.MapGet("/policy", async (ApprovalPolicies policies, CancellationToken cancel) =>
        {
            var (version, policy) = await policies.CurrentAsync(cancel);
            return new PolicyView(version, policy.Hash, policy);
        }).RequireAuthorization(Policies.ViewFleet).WithSummary("Who must agree to what");
        approvals.MapPut("/policy", (PolicyRequest request, HttpContext context, Acting acting, ApprovalPolicies policies) => acting.AsAsync(context, async person =>
        {
            var check = new Check();
            check.That(request.Policy is not null, "policy", "Give the whole policy; GET has the present one.");
            check.That(!string.IsNullOrWhiteSpace(request.Reason), "reason", "Say why.");
            if (check.Problem() is { } problem)
                return problem;
            var approval = await policies.ProposeAsync(request.Policy!, request.Reason!.Trim(), person, context.RequestAborted);
            return TypedResults.Accepted($"/api/v1/approvals/{approval.Id}", ApprovalView.Of(approval));
        })).RequireAuthorization(Policies.ManageSettings).RequireStepUp().WithSummary("Propose another policy: in force when enough others agree, under the rule of the present one").Produces<ApprovalView>(202);

        var reviews = api.MapGroup("/reviews").WithTags("Approvals");
        reviews.MapGet("", ReviewsAsync).RequireAuthorization(Policies.ViewFleet).WithSummary("Reviews that break-glass starts owe").Produces<Page<Review>>();
        reviews.MapPost("/{id:guid}/complete", (Guid id, ReviewRequest request, HttpContext context, Acting acting, Reviews all) => acting.AsAsync(context, async person =>
            TooLong("notes", request.Notes) ?? TypedResults.Ok(await all.CompleteAsync(id, request.Notes?.Trim() ?? "", person, context.RequestAborted))))
            .RequireAuthorization(Policies.Approve).WithSummary("Say what the review found; nobody reviews their own start").Produces<Review>();
    }

    private static IResult? TooLong(string field, string? text)
    {
        var check = new Check();
        check.Length(field, text);
        return check.Problem();
    }

    private static async Task<IResult> ListAsync(string? state, string? cursor, int? limit, ApprovalService service, CancellationToken cancel)
    {
        var check = new Check();
        var wanted = check.Word<ApprovalState>("state", state);
        var size = check.Range("limit", limit ?? 100, 1, 500);
        var before = check.Cursor(cursor);
        if (check.Problem() is { } problem)
            return problem;
        var found = await service.ListAsync(wanted, before, size, cancel);
        return TypedResults.Ok(new Page<ApprovalView>([.. found.Select(ApprovalView.Of)], found.Count == size ? found[^1].Id.ToString() : null));
    }

    /// <summary>A cursor is the id of the last one seen, after a dot when it was done.</summary>
    private static async Task<IResult> ReviewsAsync(bool? open, string? cursor, int? limit, Reviews all, CancellationToken cancel)
    {
        var check = new Check();
        var size = check.Range("limit", limit ?? 100, 1, 500);
        var last = check.Cursor(cursor?.TrimStart('.'));
        if (check.Problem() is { } problem)
            return problem;
        var found = await all.ListAsync(open ?? true, last is { } id ? (cursor!.StartsWith('.'), id) : null, size, cancel);
        return TypedResults.Ok(new Page<Review>(found, found.Count == size ? $"{(found[^1].DoneAt is null ? "" : ".")}{found[^1].Id}" : null));
    }

    private static async Task<ApprovalDetailView> DetailAsync(Guid id, ApprovalService service, OperationReader reader, ApprovalPolicies policies, CancellationToken cancel)
    {
        try
        {
            var approval = await service.GetAsync(id, cancel);
            var view = new ApprovalDetailView(ApprovalView.Of(approval));
            if (approval.OperationId is not { } operationId)
                return view with { Proposed = await policies.ProposedAsync(approval, cancel), InForce = (await policies.CurrentAsync(cancel)).Policy };
            var operation = await reader.GetAsync(operationId, cancel);
            return view with { Plan = PlanView.Of(operation.Plan), Checks = [.. operation.Preflight.Checks], Estimate = operation.Preflight.Estimate };
        }
        catch (ApprovalNotFoundException missing)
        {
            throw new KeyNotFoundException(missing.Message, missing);
        }
    }
}
