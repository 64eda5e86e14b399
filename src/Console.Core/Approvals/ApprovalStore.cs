using System.Text.Json;
using System.Text.Json.Nodes;
using Npgsql;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Approvals;

/// <summary>Rows of approvals, inside the caller's transaction.</summary>
internal static class ApprovalStore
{
    public static async Task<Approval?> FindAsync(NpgsqlConnection connection, Guid id, bool locked, CancellationToken cancel)
    {
        var found = await connection.Command($"SELECT * FROM ops.approval WHERE id = @id {(locked ? "FOR UPDATE" : "")}", ("id", id)).ListAsync(Map, cancel);
        return found is [var approval] ? approval with { Decisions = [.. await DecisionsAsync(connection, id, cancel)] } : null;
    }

    public static async Task<IReadOnlyList<Approval>> ListAsync(NpgsqlConnection connection, ApprovalState? state, Guid? before, int limit, CancellationToken cancel)
    {
        var found = await connection.Command("""
            SELECT * FROM ops.approval
            WHERE (@state::text IS NULL OR state = @state) AND (@before::uuid IS NULL OR (created_at, id) < (SELECT b.created_at, b.id FROM ops.approval b WHERE b.id = @before))
            ORDER BY created_at DESC, id DESC LIMIT @limit
            """, ("state", state?.Word()), ("before", before), ("limit", limit)).ListAsync(Map, cancel);
        var whole = new List<Approval>();
        foreach (var approval in found)
            whole.Add(approval with { Decisions = [.. await DecisionsAsync(connection, approval.Id, cancel)] });
        return whole;
    }

    public static Task InsertAsync(NpgsqlConnection connection, Approval approval, int policyVersion, CancellationToken cancel) => connection.Command("""
        INSERT INTO ops.approval (id, operation_id, subject, plan_hash, state, rule, policy_version, requested_by, requested_by_id, requested_identities, reason, created_at, expires_at)
        VALUES (@id, @operation::uuid, @subject, @hash, 'pending', @rule, @version, @by, @byId, @identities, @reason, @created, @expires)
        """, ("id", approval.Id), ("operation", approval.OperationId), ("subject", approval.Subject), ("hash", approval.PlanHash),
        ("rule", JsonSerializer.SerializeToNode(approval.Rule, OperationJson.Options)), ("version", policyVersion), ("by", approval.RequestedBy),
        ("byId", approval.RequestedById), ("identities", approval.RequestedIdentities.ToArray()), ("reason", approval.Reason),
        ("created", approval.CreatedAt), ("expires", approval.ExpiresAt)).ExecuteAsync(cancel);

    public static Task DecideAsync(NpgsqlConnection connection, Guid id, Person person, bool approve, string comment, DateTimeOffset now, CancellationToken cancel) => connection.Command("""
        INSERT INTO ops.decision (approval_id, person_id, email, roles, identities, approve, comment, step_up, at)
        VALUES (@id, @person, @email, @roles, @identities, @approve, @comment, @stepUp::text, @at)
        """, ("id", id), ("person", person.Id), ("email", person.Email), ("roles", person.Roles.ToArray()), ("identities", person.Identities.ToArray()),
        ("approve", approve), ("comment", comment), ("stepUp", person.StepUp?.Method), ("at", now)).ExecuteAsync(cancel);

    public static Task EndAsync(NpgsqlConnection connection, Guid id, ApprovalState state, DateTimeOffset now, CancellationToken cancel) =>
        connection.Command("UPDATE ops.approval SET state = @state, ended_at = @now WHERE id = @id", ("id", id), ("state", state.Word()), ("now", now)).ExecuteAsync(cancel);

    /// <summary>What would run is no longer what was shown: the approval is void, with the difference.</summary>
    public static Task VoidAsync(NpgsqlConnection connection, Operation operation, Plan now, DateTimeOffset at, CancellationToken cancel) => connection.Command(
        "UPDATE ops.approval SET state = 'void', ended_at = @at, changes = @changes WHERE operation_id = @id AND state IN ('pending', 'approved')",
        ("id", operation.Id), ("at", at), ("changes", JsonSerializer.SerializeToNode(PlanDifference.Between(operation.Plan, now), OperationJson.Options))).ExecuteAsync(cancel);

    /// <summary>The operation is not to run any more.</summary>
    public static Task CloseAsync(NpgsqlConnection connection, Operation operation, DateTimeOffset at, CancellationToken cancel) => connection.Command(
        "UPDATE ops.approval SET state = 'void', ended_at = @at WHERE operation_id = @id AND state IN ('pending', 'approved')", ("id", operation.Id), ("at", at)).ExecuteAsync(cancel);

    public static async Task<(int Version, ApprovalPolicy Policy)> PolicyAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        var rows = await connection.Command("SELECT version, body FROM ops.approval_policy ORDER BY version DESC LIMIT 1").ListAsync(r => (r.GetInt32(0), r.GetString(1)), cancel);
        return rows is [var (version, body)] ? (version, ApprovalPolicy.Read(body)) : (0, new ApprovalPolicy());
    }

    public static Task InsertReviewAsync(NpgsqlConnection connection, Guid operation, Person person, string reason, DateTimeOffset now, DateTimeOffset due, CancellationToken cancel) => connection.Command("""
        INSERT INTO ops.review (id, operation_id, kind, owed_by, owed_by_id, owed_identities, reason, created_at, due_at)
        VALUES (@id, @operation, 'breakGlass', @by, @byId, @identities, @reason, @now, @due)
        """, ("id", Guid.CreateVersion7(now)), ("operation", operation), ("by", person.Email), ("byId", person.Id),
        ("identities", person.Identities.ToArray()), ("reason", reason), ("now", now), ("due", due)).ExecuteAsync(cancel);

    public static Review MapReview(NpgsqlDataReader reader) => new(
        reader.Get<Guid>("id"), reader.Get<Guid>("operation_id"), reader.Get<string>("owed_by"), reader.Get<string>("reason"), reader.Get<DateTimeOffset>("created_at"),
        reader.Get<DateTimeOffset>("due_at"), reader.Value<DateTimeOffset>("done_at"), reader.Text("done_by"), reader.Text("notes"))
    {
        OwedById = reader.Get<string>("owed_by_id"),
        OwedIdentities = [.. reader.Get<string[]>("owed_identities")],
    };

    private static Task<List<ApprovalDecision>> DecisionsAsync(NpgsqlConnection connection, Guid id, CancellationToken cancel) =>
        connection.Command("SELECT * FROM ops.decision WHERE approval_id = @id ORDER BY at", ("id", id)).ListAsync(r => new ApprovalDecision(
            r.Get<string>("email"), r.Get<bool>("approve"), r.Get<string>("comment"), r.Text("step_up"), r.Get<DateTimeOffset>("at"))
        {
            PersonId = r.Get<string>("person_id"),
            Identities = [.. r.Get<string[]>("identities")],
        }, cancel);

    private static Approval Map(NpgsqlDataReader reader) => new(
        reader.Get<Guid>("id"), reader.Value<Guid>("operation_id"), reader.Get<string>("subject"), reader.Get<string>("plan_hash"), reader.Word<ApprovalState>("state"),
        JsonSerializer.Deserialize<ApprovalRule>(reader.Get<string>("rule"), OperationJson.Options)!, reader.Get<string>("requested_by"), reader.Get<string>("reason"),
        reader.Get<DateTimeOffset>("created_at"), reader.Get<DateTimeOffset>("expires_at"), reader.Value<DateTimeOffset>("ended_at"), [],
        reader.Text("changes") is { } changes ? [.. JsonSerializer.Deserialize<PlanChange[]>(changes, OperationJson.Options)!] : [])
    {
        RequestedById = reader.Get<string>("requested_by_id"),
        RequestedIdentities = [.. reader.Get<string[]>("requested_identities")],
    };
}
