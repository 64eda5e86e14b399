namespace OpsConsole.Core.Audit;

/// <summary>One thing that somebody did (CO-1). <see cref="Actor"/> is an e-mail address, <c>token:ID</c> or <c>system</c>; it is kept
/// outside the hashed row, as a salted digest inside it, so that erasure does not break the chain.</summary>
/// <param name="Action">dotted verb: <c>session.signIn</c>, <c>user.create</c>, <c>failover.request</c></param>
/// <param name="Target">what it was done to: <c>user:7</c>, <c>cluster:orders</c></param>
/// <param name="Before">canonical JSON of the state before, or null; likewise <paramref name="After"/></param>
/// <param name="From">address of the caller, or null</param>
public sealed record AuditDraft(string Actor, string Action, string Target, string? Reason = null, string? From = null, object? Before = null, object? After = null);

/// <summary>The hash-chained record. An append that fails throws: what cannot be journalled is not done.</summary>
public interface IAuditLog
{
    Task AppendAsync(AuditDraft draft, CancellationToken cancel = default);
}
