using System.Text.Json.Nodes;

namespace OpsConsole.Core.Operations.Execution;

/// <summary>One thing that a runner puts on record.</summary>
/// <param name="Kind">see <see cref="OperationEvent"/></param>
internal sealed record JournalEntry(string Kind, int? Step, string Text, DateTimeOffset At)
{
    public StepState? State { get; init; }
    public double? Progress { get; init; }
    public JsonObject? Data { get; init; }
    public JsonObject? Outputs { get; init; }
    public JsonObject? Result { get; init; }
    /// <summary>Not to be written when somebody wants the operation ended: for the intent of a forward-only step.</summary>
    public bool RefuseOnWish { get; init; }
    /// <summary>Position in the local journal of the critical section, from 1; null outside.</summary>
    public long? Local { get; init; }
    /// <summary>Epoch under which it was written locally; null: the present one.</summary>
    public long? LocalEpoch { get; init; }
    /// <summary>The operation turns back: what the end of the rollback will be called. Only in a critical section.</summary>
    public OperationState? Ending { get; init; }
}

/// <summary>Somebody wants the operation ended before its point of no return.</summary>
internal sealed class WishPendingException() : Exception("The operation is to be ended.");
