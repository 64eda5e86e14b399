using System.Text.Json.Nodes;
using OpsConsole.Core.Approvals;

namespace OpsConsole.Core.Operations;

/// <summary>What somebody asks for.</summary>
/// <param name="Kind">chooses the planner</param>
/// <param name="Request">for the planner; kept, and planned again at each decision and at the start</param>
/// <param name="Reason">shown to approvers, kept in the audit</param>
public sealed record OperationRequest(string Kind, JsonObject Request, string Reason)
{
    /// <summary>Hash of the plan that was shown. Another plan now: refused, with the difference. Null: whatever the plan is.</summary>
    public string? PlanHash { get; init; }
    public StartMode Start { get; init; } = StartMode.Automatic;
    /// <summary>The same key from the same person gives the same operation.</summary>
    public string? IdempotencyKey { get; init; }
    /// <summary>Go ahead without approval: needs a fresh second factor, alarms everybody and owes a review.</summary>
    public string? BreakGlassReason { get; init; }
    /// <summary>Covered by a decision made earlier (automatic failover without loss, a schedule). For code that has checked it; never from a caller's words.</summary>
    public bool StandingApproval { get; init; }
    /// <summary>The succeeded operation that this one takes back. Within its commit window no new approval is needed.</summary>
    public Guid? RollbackOf { get; init; }
}

/// <param name="ApprovalId">null where none is needed</param>
public sealed record Submitted(Guid OperationId, Guid? ApprovalId);

/// <summary>What would happen, before anybody asks for it.</summary>
public sealed record PlanPreview(Plan Plan, string Hash, Preflight Preflight, ApprovalRule Approval);
