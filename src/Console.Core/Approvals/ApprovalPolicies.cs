using OpsConsole.Core.Audit;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Approvals;

/// <summary>The approval policy in force, and proposals for a new one.</summary>
public sealed class ApprovalPolicies(ConsoleDatabase database, IAuditLog audit, TimeProvider clock)
{
    public async Task<(int Version, ApprovalPolicy Policy)> CurrentAsync(CancellationToken cancel = default)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return await ApprovalStore.PolicyAsync(connection, cancel);
    }

    /// <summary>What an approval of the subject <c>policy</c> would bring into force; null for any other.</summary>
    public async Task<ApprovalPolicy?> ProposedAsync(Approval approval, CancellationToken cancel = default)
    {
        if (approval.Subject != "policy") return null;
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return await connection.Command("SELECT body FROM ops.plan WHERE hash = @hash", ("hash", approval.PlanHash)).ScalarAsync<string>(cancel) is { } body ? ApprovalPolicy.Read(body) : null;
    }

    /// <summary>A new version comes into force when enough others agree, under the rule of the present one.</summary>
    public async Task<Approval> ProposeAsync(ApprovalPolicy policy, string reason, Person person, CancellationToken cancel = default)
    {
        if (!person.May(Policies.ManageSettings)) throw new NotAllowedException(Policies.ManageSettings);
        var mistakes = policy.Mistakes().ToList();
        if (mistakes.Count > 0) throw new RequestRefusedException("policy", string.Join("; ", mistakes));
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var (version, current) = await ApprovalStore.PolicyAsync(connection, cancel);
        var now = clock.GetUtcNow();
        var approval = new Approval(Guid.CreateVersion7(now), null, "policy", policy.Hash, ApprovalState.Pending, current.PolicyChange, person.Email, reason,
            now, now.AddMinutes(current.ApprovalMinutes), null, [], [])
        {
            RequestedById = person.Id,
            RequestedIdentities = person.Identities,
        };
        await connection.Command("INSERT INTO ops.plan (hash, body, created_at) VALUES (@hash, @body, @now) ON CONFLICT DO NOTHING",
            ("hash", policy.Hash), ("body", policy.Canonical), ("now", now)).ExecuteAsync(cancel);
        await ApprovalStore.InsertAsync(connection, approval, version, cancel);
        await audit.AppendAsync(new AuditDraft(person.Email, "approvalPolicy.propose", $"approval:{approval.Id}", reason, person.From, current, policy), cancel);
        await transaction.CommitAsync(cancel);
        return approval;
    }
}
