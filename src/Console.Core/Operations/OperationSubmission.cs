using System.Text.Json;
using System.Text.Json.Nodes;
using Npgsql;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Audit;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Operations;

/// <summary>From a request to a row: plan, preflight, rule, claims, all in one transaction with the audit entry.</summary>
internal sealed class OperationSubmission(
    ConsoleDatabase database, OperationStateChanger changer, PlannerRegistry planners, StepRegistry steps, IAuditLog audit, IEnumerable<IAlarmSink> alarms, TimeProvider clock)
{
    public async Task<PlanPreview> PreviewAsync(string kind, JsonObject request, CancellationToken cancel)
    {
        var (planner, plan) = await PlanAsync(kind, request, cancel);
        var preflight = await planner.PreflightAsync(plan, cancel);
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await KeepAsync(connection, plan, cancel);
        var (_, policy) = await ApprovalStore.PolicyAsync(connection, cancel);
        return new PlanPreview(plan, plan.Hash, preflight, policy.For(plan));
    }

    /// <summary>Characters: it stands in the journal, in the audit log and in every notification.</summary>
    private const int LongestReason = 2000;

    public JsonObject? Reverse(Operation succeeded) => planners.Get(succeeded.Kind).Reverse(succeeded);

    public Task<IReadOnlyList<PreflightCheck>> WayBackAsync(Operation running, CancellationToken cancel) => planners.Get(running.Kind).WayBackAsync(running, cancel);

    public async Task<Submitted> SubmitAsync(OperationRequest request, Person person, CancellationToken cancel)
    {
        if (!person.May(Policies.Operate)) throw new NotAllowedException(Policies.Operate);
        if (request.Reason.Length > LongestReason || request.BreakGlassReason is { Length: > LongestReason })
            throw new RequestRefusedException("reason", $"A reason has at most {LongestReason} characters.");
        if (await FindEarlierAsync(request, person, cancel) is { } earlier) return earlier;
        await RefuseWhileStoppedAsync(request.Kind, cancel);
        var (planner, plan) = await PlanAsync(request.Kind, request.Request, cancel);
        await RefuseChangedAsync(request, plan, cancel);
        var preflight = await planner.PreflightAsync(plan, cancel);
        var blocking = preflight.Blocking(plan).ToList();
        if (blocking.Count > 0)
            throw new RequestRefusedException("preflight", string.Join("; ", blocking.Select(c => $"{c.Message} ({c.Measured}, limit {c.Limit})"))) { Checks = blocking };
        try
        {
            return await InsertAsync(request, person, plan, preflight, cancel);
        }
        catch (PostgresException twin) when (twin.ConstraintName == "operation_idempotency")
        {
            return await FindEarlierAsync(request, person, cancel) ?? throw new InvalidOperationException("The twin of this request has vanished.", twin);
        }
    }

    /// <summary>Before anything is measured: an emergency stop is the reason that counts.</summary>
    private async Task RefuseWhileStoppedAsync(string kind, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await EmergencyStop.RefuseAsync(connection, kind, cancel);
    }

    private async Task<Submitted> InsertAsync(OperationRequest request, Person person, Plan plan, Preflight preflight, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await EmergencyStop.RefuseAsync(connection, plan.Kind, cancel);
        var (version, policy) = await ApprovalStore.PolicyAsync(connection, cancel);
        var now = clock.GetUtcNow();
        var rule = await RuleAsync(connection, request, person, plan, policy, now, cancel);
        var id = Guid.CreateVersion7(now);
        await KeepAsync(connection, plan, cancel);
        await InsertRowsAsync(connection, id, request, person, plan, preflight, now, cancel);

        var blockers = await Claims.BlockersAsync(connection, id, plan, cancel);
        if (blockers.FirstOrDefault(b => !OperationKinds.Preempts(plan.Kind, b.Kind)) is { } blocker) throw blocker.Refusal();
        Guid? approvalId = null;
        if (rule.Required) approvalId = await AskAsync(connection, id, request, person, plan, rule, policy, version, now, cancel);
        else await AllowAsync(connection, transaction, id, request, person, plan, policy, now, blockers.Count > 0, cancel);

        await audit.AppendAsync(new AuditDraft(person.Email, $"{plan.Kind}.{(request.BreakGlassReason is null ? "request" : "breakGlass")}", $"operation:{id}",
            request.BreakGlassReason ?? request.Reason, person.From, After: new { planHash = plan.Hash, plan.Title, request.StandingApproval, request.RollbackOf, approvalId, overrides = plan.Overrides.Select(o => o.Check) }), cancel);
        await transaction.CommitAsync(cancel);
        Announce(id, request, person, plan, approvalId, now);
        return new Submitted(id, approvalId);
    }

    /// <summary>The rule for this request: none for a standing approval, for taking back within the commit window, and for break-glass.</summary>
    private static async Task<ApprovalRule> RuleAsync(NpgsqlConnection connection, OperationRequest request, Person person, Plan plan, ApprovalPolicy policy, DateTimeOffset now, CancellationToken cancel)
    {
        if (request.StandingApproval) return ApprovalRule.None;
        if (request.BreakGlassReason is not null)
        {
            if (string.IsNullOrWhiteSpace(request.BreakGlassReason)) throw new RequestRefusedException("reason", "Breaking the glass needs a reason.");
            // Overriding a blocking check takes two approvers, whatever the hurry (FO-2).
            if (plan.Overrides.Length > 0)
                throw new RequestRefusedException("breakGlassOverride", $"Breaking the glass overrides no blocking check ({string.Join(", ", plan.Overrides.Select(o => o.Check))}): ask for it with approval, or without the overrides.");
            if (!ApprovalRules.IsFresh(person.StepUp, policy, now)) throw new StepUpRequiredException();
            return ApprovalRule.None;
        }
        if (request.RollbackOf is { } earlier)
        {
            await connection.Command("SELECT 1 FROM ops.operation WHERE id = @id FOR UPDATE", ("id", earlier)).ExecuteAsync(cancel);
            if (await OperationReader.FindAsync(connection, earlier, cancel) is { } back && back.Kind == plan.Kind && back.MayTakeBack(now)) return plan.Overrides.Length > 0 ? policy.For(plan) : ApprovalRule.None;
        }
        return policy.For(plan);
    }

    private async Task<Guid> AskAsync(NpgsqlConnection connection, Guid id, OperationRequest request, Person person, Plan plan, ApprovalRule rule, ApprovalPolicy policy, int version, DateTimeOffset now, CancellationToken cancel)
    {
        var approval = new Approval(Guid.CreateVersion7(now), id, "operation", plan.Hash, ApprovalState.Pending, rule, person.Email, request.Reason, now, now.AddMinutes(policy.ApprovalMinutes), null, [], [])
        {
            RequestedById = person.Id,
            RequestedIdentities = person.Identities,
        };
        await ApprovalStore.InsertAsync(connection, approval, version, cancel);
        await connection.Command("UPDATE ops.operation SET approval_id = @approval WHERE id = @id", ("id", id), ("approval", approval.Id)).ExecuteAsync(cancel);
        await changer.ChangeAsync(connection, id, new StateChange(OperationState.AwaitingApproval, person.Email, request.Reason, OperationState.Planned), cancel);
        return approval.Id;
    }

    private async Task AllowAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, Guid id, OperationRequest request, Person person, Plan plan, ApprovalPolicy policy, DateTimeOffset now, bool mustPreempt, CancellationToken cancel)
    {
        // What has to give way first is dealt with by the runner, which waits for its undo.
        if (!mustPreempt && request.Start == StartMode.Automatic) await TakeClaimsAsync(connection, transaction, id, plan, cancel);
        await changer.ChangeAsync(connection, id, new StateChange(OperationState.Approved, person.Email, request.Reason, OperationState.Planned)
        {
            ExecuteBefore = now.AddMinutes(policy.ExecuteMinutes),
        }, cancel);
        if (request.BreakGlassReason is not null)
            await ApprovalStore.InsertReviewAsync(connection, id, person, request.BreakGlassReason, now, now.AddHours(policy.ReviewHours), cancel);
    }

    private static async Task TakeClaimsAsync(NpgsqlConnection connection, NpgsqlTransaction transaction, Guid id, Plan plan, CancellationToken cancel)
    {
        await transaction.SaveAsync("claims", cancel);
        var blockers = await Claims.TakeAsync(connection, id, plan, cancel);
        if (blockers.FirstOrDefault(b => !OperationKinds.Preempts(plan.Kind, b.Kind)) is { } blocker) throw blocker.Refusal();
        if (blockers.Count > 0) await transaction.RollbackAsync("claims", cancel);
    }

    private static async Task InsertRowsAsync(NpgsqlConnection connection, Guid id, OperationRequest request, Person person, Plan plan, Preflight preflight, DateTimeOffset now, CancellationToken cancel)
    {
        await connection.Command("""
            INSERT INTO ops.operation (id, kind, title, plan_hash, request, preflight, state, requested_by, requested_by_id, reason, start_mode, idempotency_key, rollback_of, created_at)
            VALUES (@id, @kind, @title, @hash, @request, @preflight, 'planned', @by, @byId, @reason, @start, @key::text, @rollbackOf::uuid, @now)
            """, ("id", id), ("kind", plan.Kind), ("title", plan.Title), ("hash", plan.Hash), ("request", request.Request),
            ("preflight", JsonSerializer.SerializeToNode(preflight, OperationJson.Options)), ("by", person.Email), ("byId", person.Id), ("reason", request.Reason),
            ("start", request.Start.Word()), ("key", request.IdempotencyKey), ("rollbackOf", request.RollbackOf), ("now", now)).ExecuteAsync(cancel);
        await connection.Command("INSERT INTO ops.step (operation_id, index, state) SELECT @id, i, 'pending' FROM generate_series(0, @last) i",
            ("id", id), ("last", plan.Steps.Length - 1)).ExecuteAsync(cancel);
    }

    private async Task<(IPlanner Planner, Plan Plan)> PlanAsync(string kind, JsonObject request, CancellationToken cancel)
    {
        var planner = planners.Get(kind);
        var plan = await planner.PlanAsync(request, cancel);
        var mistakes = plan.Mistakes(steps).ToList();
        return mistakes.Count == 0 ? (planner, plan) : throw new InvalidOperationException($"The planner of {kind} made a plan that cannot run: {string.Join("; ", mistakes)}");
    }

    private async Task RefuseChangedAsync(OperationRequest request, Plan plan, CancellationToken cancel)
    {
        if (request.PlanHash is not { } shown || shown == plan.Hash) return;
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await KeepAsync(connection, plan, cancel);
        var before = await OperationReader.FindPlanAsync(connection, shown, cancel);
        throw new RequestRefusedException("planChanged", "What would run is no longer what was shown. Look at the plan again.")
        {
            Changes = before is null ? [] : PlanDifference.Between(before, plan),
        };
    }

    /// <returns>the operation that this person has asked for with this key</returns>
    public async Task<Guid?> FindAsync(string key, Person person, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return (await connection.Command("SELECT id FROM ops.operation WHERE requested_by_id = @person AND idempotency_key = @key", ("person", person.Id), ("key", key))
            .ListAsync(r => (Guid?)r.GetGuid(0), cancel)).SingleOrDefault();
    }

    private async Task<Submitted?> FindEarlierAsync(OperationRequest request, Person person, CancellationToken cancel)
    {
        if (request.IdempotencyKey is not { } key) return null;
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        var found = await connection.Command("""
            SELECT id, approval_id, kind, request::text AS request, EXISTS (SELECT 1 FROM ops.review r WHERE r.operation_id = o.id) AS glass
            FROM ops.operation o WHERE requested_by_id = @person AND idempotency_key = @key
            """, ("person", person.Id), ("key", key)).ListAsync(r => (Id: r.GetGuid(0), Approval: r.Value<Guid>("approval_id"), Kind: r.GetString(2), Request: r.GetString(3), Glass: r.GetBoolean(4)), cancel);
        if (found is not [var earlier]) return null;
        if (earlier.Kind != request.Kind || earlier.Glass != request.BreakGlassReason is not null || OperationJson.Canonical(JsonNode.Parse(earlier.Request)) != OperationJson.Canonical(request.Request))
            throw new RequestRefusedException("idempotencyKey", "The idempotency key was used for another request.");
        return new Submitted(earlier.Id, earlier.Approval);
    }

    private Task<int> KeepAsync(NpgsqlConnection connection, Plan plan, CancellationToken cancel) =>
        connection.Command("INSERT INTO ops.plan (hash, body, created_at) VALUES (@hash, @body, @now) ON CONFLICT DO NOTHING",
            ("hash", plan.Hash), ("body", plan.Canonical), ("now", clock.GetUtcNow())).ExecuteAsync(cancel);

    private void Announce(Guid id, OperationRequest request, Person person, Plan plan, Guid? approvalId, DateTimeOffset now)
    {
        var alarm = request.BreakGlassReason is { } glass ? new Alarm("breakGlass", plan.Title, glass, id, person.Email, now)
            : approvalId is not null ? new Alarm("approvalNeeded", plan.Title, request.Reason, id, person.Email, now) : null;
        if (alarm is null) return;
        foreach (var sink in alarms)
            sink.Raise(alarm);
    }
}
