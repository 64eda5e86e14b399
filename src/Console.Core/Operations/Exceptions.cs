namespace OpsConsole.Core.Operations;

/// <summary>Another operation holds what this one needs (409).</summary>
public sealed class BlockedException(Guid blockedBy, string kind, PlanTarget target)
    : Exception($"{target.Resource} ({target.Class.Word()}) is held by {kind} {blockedBy}. Wait for it to end, or cancel it.")
{
    public Guid BlockedBy { get; } = blockedBy;
    public string Kind { get; } = kind;
    public PlanTarget Target { get; } = target;
}

/// <summary>Somebody was told no: by a rule, by their roles, or for want of a second factor.</summary>
public abstract class RefusalException(string message) : Exception(message)
{
    /// <summary>Whoever refused it has put it into the audit log already.</summary>
    public bool OnRecord { get; set; }
}

/// <summary>A rule says no (422). <see cref="Rule"/> is a stable word: preflight, planChanged, state, forwardOnly, stopEngaged, selfApproval, ...</summary>
public sealed class RequestRefusedException(string rule, string message) : RefusalException(message)
{
    public string Rule { get; } = rule;
    public IReadOnlyList<PreflightCheck> Checks { get; init; } = [];
    public IReadOnlyList<PlanChange> Changes { get; init; } = [];
}

/// <summary>The action needs a fresh second factor (403 with <c>stepUpRequired</c>).</summary>
public sealed class StepUpRequiredException() : RefusalException("This needs a fresh second factor: give a code or use a passkey.");

/// <summary>The person's roles do not allow it (403).</summary>
public sealed class NotAllowedException(string policy) : RefusalException($"This needs the permission {policy}.")
{
    public string Policy { get; } = policy;
}

public sealed class OperationNotFoundException(Guid id) : Exception($"There is no operation {id}.");

/// <summary>The runner no longer holds the operation: another one does, or the lease ran out. Whoever sees it stops at once,
/// without any clean-up: that is the new holder's.</summary>
public class LeaseLostException(string message) : Exception(message);
