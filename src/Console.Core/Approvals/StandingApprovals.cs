using OpsConsole.Core.Audit;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Approvals;

/// <param name="Kind">of the operations that it covers: <c>failover</c></param>
/// <param name="Resource"><c>cluster:orders</c></param>
public sealed record StandingApproval(string Kind, string Resource, bool Enabled, string Reason, string By, DateTimeOffset At);

/// <summary>Approvals given ahead, once, by an administrator: automatic failover without loss, per cluster (FO-7). Off until somebody turns it on;
/// in force at once, over restarts and on every node.</summary>
public sealed class StandingApprovals(ConsoleDatabase database, IAuditLog audit, TimeProvider clock)
{
    public async Task<IReadOnlyList<StandingApproval>> ListAsync(CancellationToken cancel = default)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return await connection.Command("SELECT * FROM ops.standing_approval ORDER BY kind, resource").ListAsync(r => new StandingApproval(
            r.Get<string>("kind"), r.Get<string>("resource"), r.Get<bool>("enabled"), r.Get<string>("reason"), r.Get<string>("by"), r.Get<DateTimeOffset>("at")), cancel);
    }

    public async Task<bool> IsEnabledAsync(string kind, string resource, CancellationToken cancel = default)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return await connection.Command("SELECT enabled FROM ops.standing_approval WHERE kind = @kind AND resource = @resource", ("kind", kind), ("resource", resource)).ScalarAsync<bool>(cancel);
    }

    /// <exception cref="StepUpRequiredException">a fresh second factor is missing</exception>
    public async Task<StandingApproval> SetAsync(string kind, string resource, bool enabled, string reason, Person person, CancellationToken cancel = default)
    {
        if (!person.May(Policies.ManageSettings)) throw new NotAllowedException(Policies.ManageSettings);
        if (string.IsNullOrWhiteSpace(reason)) throw new RequestRefusedException("reason", "Say why.");
        var now = clock.GetUtcNow();
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var (_, policy) = await ApprovalStore.PolicyAsync(connection, cancel);
        if (!ApprovalRules.IsFresh(person.StepUp, policy, now)) throw new StepUpRequiredException();
        await connection.Command("""
            INSERT INTO ops.standing_approval (kind, resource, enabled, reason, by, at) VALUES (@kind, @resource, @enabled, @reason, @by, @now)
            ON CONFLICT (kind, resource) DO UPDATE SET enabled = @enabled, reason = @reason, by = @by, at = @now
            """, ("kind", kind), ("resource", resource), ("enabled", enabled), ("reason", reason), ("by", person.Email), ("now", now)).ExecuteAsync(cancel);
        await audit.AppendAsync(new AuditDraft(person.Email, enabled ? $"automatic.{kind}.enable" : $"automatic.{kind}.disable", resource, reason, person.From, After: new { enabled, stepUp = person.StepUp?.Method }), cancel);
        await transaction.CommitAsync(cancel);
        return new StandingApproval(kind, resource, enabled, reason, person.Email, now);
    }
}
