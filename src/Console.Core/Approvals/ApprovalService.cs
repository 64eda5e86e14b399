using Npgsql;
using OpsConsole.Core.Audit;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Approvals;

/// <summary>Decisions on approvals (AP-2). Each is bound to a plan's hash, made under a lock, and an audit entry: without the entry it is not made.</summary>
public sealed class ApprovalService
{
    private readonly ConsoleDatabase _database;
    private readonly OperationStateChanger _changer;
    private readonly OperationReader _operations;
    private readonly PlannerRegistry _planners;
    private readonly IAuditLog _audit;
    private readonly IEnumerable<IAlarmSink> _alarms;
    private readonly TimeProvider _clock;

    internal ApprovalService(ConsoleDatabase database, OperationStateChanger changer, OperationReader operations, PlannerRegistry planners, IAuditLog audit, IEnumerable<IAlarmSink> alarms, TimeProvider clock) =>
        (_database, _changer, _operations, _planners, _audit, _alarms, _clock) = (database, changer, operations, planners, audit, alarms, clock);

    public async Task<Approval> GetAsync(Guid id, CancellationToken cancel = default)
    {
        await using var connection = await _database.App.OpenConnectionAsync(cancel);
        return await ApprovalStore.FindAsync(connection, id, locked: false, cancel) ?? throw new ApprovalNotFoundException(id);
    }

    /// <summary>Newest first. <paramref name="before"/> continues a list: the id of the last one seen.</summary>
    public async Task<IReadOnlyList<Approval>> ListAsync(ApprovalState? state = null, Guid? before = null, int limit = 100, CancellationToken cancel = default)
    {
        await using var connection = await _database.App.OpenConnectionAsync(cancel);
        return await ApprovalStore.ListAsync(connection, state, before, limit, cancel);
    }

    /// <summary>Agrees to exactly the plan with this hash. The last approver's agreement starts the operation, unless its start is manual.
    /// Repeating it changes nothing and needs no second factor.</summary>
    /// <exception cref="RequestRefusedException">rules: state, expired, planHash, planChanged, selfApproval, decided, sameIdentity</exception>
    /// <exception cref="StepUpRequiredException">a fresh second factor is missing</exception>
    public Task<Approval> ApproveAsync(Guid id, string planHash, string comment, Person person, CancellationToken cancel = default) =>
        WithRefusalsOnRecordAsync(id, person, async () =>
        {
            if (await GetAsync(id, cancel) is var present && ApprovalRules.IsGiven(present, person, planHash)) return present;
            await VoidIfChangedAsync(id, person, cancel);
            return await DecideAsync(id, person, approve: true, planHash, comment, cancel);
        }, cancel);

    /// <summary>One denial blocks. Needs a reason, but no second factor: saying no must be easy.</summary>
    public Task<Approval> RejectAsync(Guid id, string reason, Person person, CancellationToken cancel = default) =>
        WithRefusalsOnRecordAsync(id, person, () => string.IsNullOrWhiteSpace(reason)
            ? throw new RequestRefusedException("reason", "Say why it is rejected.")
            : DecideAsync(id, person, approve: false, null, reason, cancel), cancel);

    private async Task<Approval> DecideAsync(Guid id, Person person, bool approve, string? planHash, string comment, CancellationToken cancel)
    {
        await using var connection = await _database.App.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        // Everybody locks the operation first, then its approval.
        await connection.Command("SELECT 1 FROM ops.operation WHERE id = (SELECT operation_id FROM ops.approval WHERE id = @id) FOR UPDATE", ("id", id)).ExecuteAsync(cancel);
        var approval = await ApprovalStore.FindAsync(connection, id, locked: true, cancel) ?? throw new ApprovalNotFoundException(id);
        var (_, policy) = await ApprovalStore.PolicyAsync(connection, cancel);
        var now = _clock.GetUtcNow();
        if (approve && ApprovalRules.IsGiven(approval, person, planHash)) return approval;
        ApprovalRules.Check(approval, person, approve, planHash, policy, now);
        await ApprovalStore.DecideAsync(connection, id, person, approve, comment, now, cancel);
        if (!approve) await RejectedAsync(connection, approval, person, comment, now, cancel);
        else if (approval.Missing == 1) await CompleteAsync(connection, approval, person, policy, now, cancel);
        await _audit.AppendAsync(new AuditDraft(person.Email, approve ? "approval.approve" : "approval.reject", $"approval:{id}", comment, person.From,
            After: new { approval.PlanHash, stepUp = person.StepUp?.Method }), cancel);
        var decided = await ApprovalStore.FindAsync(connection, id, locked: false, cancel);
        await transaction.CommitAsync(cancel);
        foreach (var sink in _alarms)
            sink.Raise(new Alarm("approvalDecided", approve ? "Approved" : "Rejected", comment, approval.OperationId, person.Email, now));
        return decided!;
    }

    private async Task CompleteAsync(NpgsqlConnection connection, Approval approval, Person person, ApprovalPolicy policy, DateTimeOffset now, CancellationToken cancel)
    {
        await ApprovalStore.EndAsync(connection, approval.Id, ApprovalState.Approved, now, cancel);
        if (approval.OperationId is { } operation)
        {
            await _changer.ChangeAsync(connection, operation, new StateChange(OperationState.Approved, person.Email, "", OperationState.AwaitingApproval)
            {
                ExecuteBefore = now.AddMinutes(policy.ExecuteMinutes),
            }, cancel);
        }
        else
        {
            await connection.Command("""
                INSERT INTO ops.approval_policy (version, body, by, at, approval_id)
                SELECT COALESCE((SELECT max(version) FROM ops.approval_policy), 0) + 1, p.body, @by, @now, @id FROM ops.plan p WHERE p.hash = @hash
                """, ("by", approval.RequestedBy), ("now", now), ("id", approval.Id), ("hash", approval.PlanHash)).ExecuteAsync(cancel);
        }
    }

    private async Task RejectedAsync(NpgsqlConnection connection, Approval approval, Person person, string reason, DateTimeOffset now, CancellationToken cancel)
    {
        await ApprovalStore.EndAsync(connection, approval.Id, ApprovalState.Rejected, now, cancel);
        if (approval.OperationId is { } operation)
            await _changer.ChangeAsync(connection, operation, new StateChange(OperationState.Cancelled, person.Email, $"rejected: {reason}", OperationState.AwaitingApproval), cancel);
    }

    /// <summary>Plans again: when something else would run now than what was shown, nobody can agree to it any more.</summary>
    private async Task VoidIfChangedAsync(Guid id, Person person, CancellationToken cancel)
    {
        var approval = await GetAsync(id, cancel);
        if (approval.State != ApprovalState.Pending || approval.OperationId is not { } operationId) return;
        var operation = await _operations.GetAsync(operationId, cancel);
        var plan = await _planners.Get(operation.Kind).PlanAsync(operation.Request, cancel);
        if (plan.Hash == operation.PlanHash) return;
        var reason = "What would run has changed since it was asked for: the approval is void.";
        await _changer.ChangeAsync(operation.Id, new StateChange(OperationState.Cancelled, "system", reason, OperationState.AwaitingApproval)
        {
            Apply = (connection, o, token) => ApprovalStore.VoidAsync(connection, o, plan, _clock.GetUtcNow(), token),
            Audit = new AuditDraft(person.Email, "approval.void", $"approval:{id}", reason, person.From, operation.PlanHash, plan.Hash),
        }, cancel);
        throw new RequestRefusedException("planChanged", reason) { Changes = PlanDifference.Between(operation.Plan, plan) };
    }

    /// <summary>A refused try is on record, and people hear of it, but for a missing second factor, with which an ordinary decision begins.</summary>
    private async Task<Approval> WithRefusalsOnRecordAsync(Guid id, Person person, Func<Task<Approval>> decide, CancellationToken cancel)
    {
        try
        {
            return await decide();
        }
        catch (RefusalException refusal)
        {
            var rule = refusal switch { RequestRefusedException refused => refused.Rule, StepUpRequiredException => "stepUpRequired", _ => "role" };
            await _audit.AppendAsync(new AuditDraft(person.Email, "approval.refused", $"approval:{id}", refusal.Message, person.From, After: new { rule }), cancel);
            refusal.OnRecord = true;
            foreach (var sink in _alarms)
                sink.Raise(new Alarm("refused", "A decision on an approval was refused", refusal.Message, null, person.Email, _clock.GetUtcNow()));
            throw;
        }
    }
}

public sealed class ApprovalNotFoundException(Guid id) : Exception($"There is no approval {id}.");
