using System.Security.Claims;
using System.Text.Json.Nodes;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Operations;

namespace OpsConsole.Web.Api;

public sealed record OperationStepView(
    int Index, string Name, StepState State, DateTimeOffset? StartedAt, DateTimeOffset? EndedAt, string Detail, string What, string Undo, Reversibility Reversibility, double ProgressPercent, DateTimeOffset? UndoneAt);

public sealed record OperationView(
    Guid Id, string Kind, string Title, OperationState State, double ProgressPercent, Severity Severity, string RequestedBy, string Reason, string PlanHash,
    DateTimeOffset CreatedAt, DateTimeOffset? StartedAt, DateTimeOffset? EndedAt, DateTimeOffset? ExecuteBefore, DateTimeOffset? CommitUntil, StartMode Start,
    Guid? ApprovalId, Guid? RollbackOf, string? EndReason, bool TakenBack, bool TakenBackAnytime, bool MayRetry, bool PastForwardOnly, string? Holder,
    IReadOnlyList<OperationStepView> Steps, IReadOnlyList<PreflightCheck> Checks, JsonObject Estimate, JsonObject Request, JsonObject Result)
{
    /// <param name="user">who reads it: the way into a restored database is for those who may operate</param>
    public static OperationView Of(Operation operation, ClaimsPrincipal user)
    {
        var result = (JsonObject)operation.Result.DeepClone();
        if (result["connection"] is not null && !Policies.RolesFor[Policies.Operate].Any(user.IsInRole))
            result["connection"] = null;
        if (operation.CommitUntil is { } until)
            result["commitUntil"] = until.UtcDateTime.ToString("O");
        return new OperationView(
            operation.Id, operation.Kind, operation.Plan.Title, operation.State, Math.Round(operation.ProgressPercent, 1), operation.Plan.Severity, operation.RequestedBy, operation.Reason, operation.PlanHash,
            operation.CreatedAt, operation.StartedAt, operation.EndedAt, operation.ExecuteBefore, operation.CommitUntil, operation.Start,
            operation.ApprovalId, operation.RollbackOf, operation.EndReason, operation.TakenBack, operation.Plan.TakenBackAnytime, operation.MayRetry, operation.PastForwardOnly, operation.Holder,
            [.. operation.Steps.Select(s => Step(s, operation.Plan.Steps[s.Index]))], [.. operation.Preflight.Checks], operation.Preflight.Estimate, operation.Request, result);
    }

    private static OperationStepView Step(OperationStep step, PlanStep plan) => new(
        step.Index, step.Name, step.State, step.StartedAt, step.EndedAt, step.Detail, plan.Detail, plan.Undo, plan.Reversibility, step.ProgressPercent, step.UndoneAt);
}

public sealed record OperationEventView(long Sequence, DateTimeOffset At, string Kind, int? Step, string Text, JsonObject? Data)
{
    public static OperationEventView Of(OperationEvent happened) => new(happened.Sequence, happened.At, happened.Kind, happened.Step, happened.Text, happened.Data);
}

public sealed record PlanStepView(string Name, string Detail, string Undo, Reversibility Reversibility);

public sealed record PlanView(string Hash, string Title, Severity Severity, IReadOnlyList<PlanStepView> Steps, IReadOnlyList<PlanOverride> Overrides, IReadOnlyDictionary<string, double> Bounds, double CommitWindowSeconds)
{
    public static PlanView Of(Plan plan) => new(plan.Hash, plan.Title, plan.Severity,
        [.. plan.Steps.Select(s => new PlanStepView(s.Name, s.Detail, s.Undo, s.Reversibility))], [.. plan.Overrides], plan.Bounds, plan.CommitWindowSeconds);
}

public sealed record ApprovalNeedView(bool Required, int Approvers, bool StepUp);

public sealed record PlanPreviewView(PlanView Plan, IReadOnlyList<PreflightCheck> Checks, ApprovalNeedView Approval, JsonObject Estimate)
{
    public static PlanPreviewView Of(PlanPreview preview) => new(PlanView.Of(preview.Plan), [.. preview.Preflight.Checks],
        new ApprovalNeedView(preview.Approval.Required, preview.Approval.Approvers, preview.Approval.StepUp), preview.Preflight.Estimate);
}

public sealed record SubmittedView(Guid OperationId, Guid? ApprovalId);

public sealed record DecisionView(string By, bool Approve, string Comment, string? StepUp, DateTimeOffset At);

/// <param name="Subject">operation or policy</param>
/// <param name="Changes">why it is void: what would run now against what was shown</param>
public record ApprovalView(
    Guid Id, Guid? OperationId, string Subject, string PlanHash, ApprovalState State, int RequiredApprovers, int Missing, bool StepUp, string RequestedBy, string Reason,
    DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt, DateTimeOffset? EndedAt, IReadOnlyList<DecisionView> Decisions, IReadOnlyList<PlanChange> Changes)
{
    public static ApprovalView Of(Approval approval) => new(
        approval.Id, approval.OperationId, approval.Subject, approval.PlanHash, approval.State, approval.RequiredApprovers, approval.Missing, approval.Rule.StepUp, approval.RequestedBy, approval.Reason,
        approval.CreatedAt, approval.ExpiresAt, approval.EndedAt, [.. approval.Decisions.Select(d => new DecisionView(d.Email, d.Approve, d.Comment, d.StepUp, d.At))], [.. approval.Changes]);
}

/// <summary>An approval with what it is about: the plan and its checks as they were measured, or the proposed policy.</summary>
public sealed record ApprovalDetailView : ApprovalView
{
    public ApprovalDetailView(ApprovalView approval) : base(approval)
    {
    }

    /// <summary>Exactly what would run; null for a policy.</summary>
    public PlanView? Plan { get; init; }
    public IReadOnlyList<PreflightCheck> Checks { get; init; } = [];
    public JsonObject Estimate { get; init; } = [];
    /// <summary>The policy that is asked for; null for an operation, likewise the one in force.</summary>
    public ApprovalPolicy? Proposed { get; init; }
    public ApprovalPolicy? InForce { get; init; }
}
