using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace OpsConsole.Core.Operations;

/// <summary>An operation as it stands in the database. Built by <see cref="OperationReader"/> only.</summary>
public sealed record Operation
{
    public required Guid Id { get; init; }
    public required Plan Plan { get; init; }
    public required string PlanHash { get; init; }
    public required OperationState State { get; init; }
    /// <summary>What the planner was asked for; planning it again must give the same hash.</summary>
    public required JsonObject Request { get; init; }
    /// <summary>Preflight as measured when it was asked for.</summary>
    public required Preflight Preflight { get; init; }
    /// <summary>E-mail address of who asked.</summary>
    public required string RequestedBy { get; init; }
    public required string Reason { get; init; }
    public StartMode Start { get; init; }
    public Guid? ApprovalId { get; init; }
    /// <summary>The operation that this one takes back.</summary>
    public Guid? RollbackOf { get; init; }
    public DateTimeOffset CreatedAt { get; init; }
    public DateTimeOffset? StartedAt { get; init; }
    public DateTimeOffset? EndedAt { get; init; }
    /// <summary>The right to execute ends here; only while approved.</summary>
    public DateTimeOffset? ExecuteBefore { get; init; }
    /// <summary>Until then one click takes it back.</summary>
    public DateTimeOffset? CommitUntil { get; init; }
    /// <summary>A later operation has taken it back.</summary>
    public bool TakenBack { get; init; }
    public OperationWish? Wish { get; init; }
    /// <summary>Why it ended, or why it is being rolled back.</summary>
    public string? EndReason { get; init; }
    /// <summary>What it came to; filled by steps.</summary>
    public required JsonObject Result { get; init; }
    /// <summary>Values that steps left for later steps and for their undo.</summary>
    public required JsonObject Outputs { get; init; }
    /// <summary>Node that runs it.</summary>
    public string? Holder { get; init; }
    public long Epoch { get; init; }
    /// <summary>Sequence of its newest journal entry.</summary>
    public long LastEvent { get; init; }
    public ImmutableArray<OperationStep> Steps { get; init; } = [];

    /// <summary>Failed past its point of no return, with nothing undone: it can go on once the cause is mended.</summary>
    public bool MayRetry => State == OperationState.Failed && StartedAt is not null && !Plan.UndoAtEnd
        && Steps.Any(s => s.State == StepState.Failed) && !Steps.Any(s => s.State is StepState.Undone or StepState.Undoing or StepState.UndoFailed);

    /// <summary>Succeeded, and one click takes it back.</summary>
    public bool MayTakeBack(DateTimeOffset now) => State == OperationState.Succeeded && !TakenBack && (Plan.TakenBackAnytime || CommitUntil > now);

    internal OperationState? Ending { get; init; }
    internal bool InSection { get; init; }
    internal string RequestedById { get; init; } = "";

    public string Kind => Plan.Kind;

    public double ProgressPercent => State == OperationState.Succeeded ? 100 : Steps.Length == 0 ? 0
        : 100.0 * Steps.Sum(s => s.IsOver ? 1 : s.State == StepState.Running ? s.ProgressPercent / 100 : 0) / Steps.Length;

    /// <summary>A forward-only step took effect, or may have: from here the operation can only finish.</summary>
    public bool PastForwardOnly => Steps.Any(s =>
        Plan.Steps[s.Index].Reversibility == Reversibility.ForwardOnly && s.State is (StepState.Done or StepState.Found));
}

/// <param name="StartedAt">when its intent was recorded</param>
/// <param name="EndedAt">when its outcome was recorded</param>
/// <param name="Detail">newest thing it said</param>
public sealed record OperationStep(
    int Index, string Name, StepState State, DateTimeOffset? StartedAt, DateTimeOffset? EndedAt, string Detail, double ProgressPercent, DateTimeOffset? UndoneAt)
{
    public bool IsOver => State is StepState.Done or StepState.Found or StepState.Skipped;
}

/// <summary>One line of an operation's journal. <see cref="Sequence"/> grows within the operation and serves as event id.</summary>
/// <param name="Kind">state, intent, outcome, failure, undo, undone, undoFailure, said, progress, takeover, wish, approval, section, note</param>
public sealed record OperationEvent(
    Guid OperationId, long Sequence, DateTimeOffset At, long Epoch, string Node, string Kind, int? Step, string Text, JsonObject? Data);

/// <summary>The operation that holds a resource.</summary>
public sealed record OperationHolder(Guid Id, string Kind);
