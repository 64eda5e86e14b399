using System.Collections.Immutable;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Approvals;

public enum ApprovalState { Pending, Approved, Rejected, Expired, Void }

/// <param name="StepUp">method of the second factor that was fresh; null without one</param>
public sealed record ApprovalDecision(string Email, bool Approve, string Comment, string? StepUp, DateTimeOffset At)
{
    internal string PersonId { get; init; } = "";
    internal ImmutableArray<string> Identities { get; init; } = [];
}

/// <param name="OperationId">null: the approval of a new approval policy</param>
/// <param name="Subject"><c>operation</c> or <c>policy</c></param>
/// <param name="Changes">why it is void: what would run now against what was shown</param>
public sealed record Approval(
    Guid Id, Guid? OperationId, string Subject, string PlanHash, ApprovalState State, ApprovalRule Rule, string RequestedBy, string Reason,
    DateTimeOffset CreatedAt, DateTimeOffset ExpiresAt, DateTimeOffset? EndedAt, ImmutableArray<ApprovalDecision> Decisions, ImmutableArray<PlanChange> Changes)
{
    public int RequiredApprovers => Rule.Approvers;
    public int Missing => Math.Max(0, Rule.Approvers - Decisions.Count(d => d.Approve));

    internal string RequestedById { get; init; } = "";
    internal ImmutableArray<string> RequestedIdentities { get; init; } = [];
}

/// <summary>A break-glass start that still has to be looked at by somebody else.</summary>
public sealed record Review(Guid Id, Guid OperationId, string OwedBy, string Reason, DateTimeOffset CreatedAt, DateTimeOffset DueAt, DateTimeOffset? DoneAt, string? DoneBy, string? Notes)
{
    internal string OwedById { get; init; } = "";
    internal ImmutableArray<string> OwedIdentities { get; init; } = [];
}

/// <summary>Something that people must hear of at once: break-glass, a refused try, an automatic failover, a backup that is not what it should be.</summary>
/// <param name="Kind">breakGlass, refused, approvalNeeded, approvalDecided, walStreaming, or one that begins with backup or restore</param>
public sealed record Alarm(string Kind, string Title, string Detail, Guid? OperationId, string By, DateTimeOffset At)
{
    /// <summary>False: the alarm itself is the only record of it, so the sink puts it into the audit log, from where people are told.</summary>
    public bool OnRecord { get; init; } = true;
}

/// <summary>Where alarms go (webhook, e-mail, pages). Must not throw and must not wait for delivery.</summary>
public interface IAlarmSink
{
    void Raise(Alarm alarm);
}
