using System.Text.Json;

namespace OpsConsole.Core.Operations;

/// <summary>States of an operation; camelCase on the wire and in the database.</summary>
public enum OperationState { Planned, AwaitingApproval, Approved, Running, Succeeded, Failed, RollingBack, RolledBack, Cancelled, Expired }

/// <summary>States of a step. <see cref="Found"/>: its effect was in force before we looked, so it is not ours to undo.
/// <see cref="Skipped"/>: it failed, but the plan says that it may.</summary>
public enum StepState { Pending, Running, Done, Found, Skipped, Failed, Undoing, Undone, UndoFailed }

/// <summary>What somebody wants of a running operation. TakeOver: a person sees to what cannot be undone; it is not tried any more.</summary>
public enum OperationWish { Cancel, RollBack, TakeOver }

/// <summary>How an approved operation gets going: on the last approval, or when somebody starts it.</summary>
public enum StartMode { Automatic, Manual }

/// <summary>How much an operation can hurt. Chooses the approval rule.</summary>
public enum Severity { Low, Medium, High, Critical }

public static class OperationStates
{
    private static readonly Dictionary<OperationState, OperationState[]> Next = new()
    {
        [OperationState.Planned] = [OperationState.AwaitingApproval, OperationState.Approved, OperationState.Cancelled],
        [OperationState.AwaitingApproval] = [OperationState.Approved, OperationState.Cancelled, OperationState.Expired],
        [OperationState.Approved] = [OperationState.Running, OperationState.Cancelled, OperationState.Failed, OperationState.Expired],
        [OperationState.Running] = [OperationState.Succeeded, OperationState.Failed, OperationState.RollingBack],
        [OperationState.RollingBack] = [OperationState.RolledBack, OperationState.Cancelled, OperationState.Failed],
        [OperationState.Failed] = [OperationState.Running],
    };

    public static bool MayBecome(this OperationState from, OperationState to) => Next.TryGetValue(from, out var next) && next.Contains(to);

    /// <summary>Nothing runs any more. A failed operation may still be retried.</summary>
    public static bool IsEnd(this OperationState state) =>
        state is OperationState.Succeeded or OperationState.Failed or OperationState.RolledBack or OperationState.Cancelled or OperationState.Expired;

    internal static string Word<T>(this T value) where T : struct, Enum => JsonNamingPolicy.CamelCase.ConvertName(value.ToString());

    internal static T Parse<T>(string word) where T : struct, Enum => Enum.Parse<T>(word, ignoreCase: true);
}
