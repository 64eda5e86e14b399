using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using Npgsql;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Operations;

/// <summary>Reads operations and their journals. Never changes anything.</summary>
public sealed class OperationReader(ConsoleDatabase database)
{
    internal const string Columns = """
        o.*, p.body, (SELECT json_agg(json_build_object('index', s.index, 'state', s.state, 'startedAt', s.started_at, 'endedAt', s.ended_at,
            'undoneAt', s.undone_at, 'detail', s.detail, 'progress', s.progress) ORDER BY s.index)::text FROM ops.step s WHERE s.operation_id = o.id) AS steps,
            EXISTS (SELECT 1 FROM ops.operation r WHERE r.rollback_of = o.id AND r.state = 'succeeded') AS taken_back
        FROM ops.operation o JOIN ops.plan p ON p.hash = o.plan_hash
        """;

    public async Task<Operation?> FindAsync(Guid id, CancellationToken cancel = default)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return await FindAsync(connection, id, cancel);
    }

    public async Task<Operation> GetAsync(Guid id, CancellationToken cancel = default) =>
        await FindAsync(id, cancel) ?? throw new OperationNotFoundException(id);

    internal static async Task<Operation?> FindAsync(NpgsqlConnection connection, Guid id, CancellationToken cancel) =>
        (await connection.Command($"SELECT {Columns} WHERE o.id = @id", ("id", id)).ListAsync(Map, cancel)).SingleOrDefault();

    /// <summary>Newest first. <paramref name="before"/> continues a list: the id of the last one seen.</summary>
    public async Task<IReadOnlyList<Operation>> ListAsync(
        string? kind = null, OperationState? state = null, string? resource = null, Guid? before = null, int limit = 50, CancellationToken cancel = default)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return await connection.Command($"""
            SELECT {Columns}
            WHERE (@kind::text IS NULL OR o.kind = @kind) AND (@state::text IS NULL OR o.state = @state)
              AND (@resource::text IS NULL OR EXISTS (SELECT 1 FROM ops.claim c WHERE c.operation_id = o.id AND c.resource = @resource))
              AND (@before::uuid IS NULL OR (o.created_at, o.id) < (SELECT b.created_at, b.id FROM ops.operation b WHERE b.id = @before))
            ORDER BY o.created_at DESC, o.id DESC LIMIT @limit
            """, ("kind", kind), ("state", state?.Word()), ("resource", resource), ("before", before), ("limit", limit)).ListAsync(Map, cancel);
    }

    /// <summary>Who would keep an operation from the resource's topology now: its holder, or an operation with a fault anywhere in it; null: nobody.</summary>
    public async Task<OperationHolder?> TopologyHolderAsync(string resource, CancellationToken cancel = default)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return (await connection.Command("""
            SELECT o.id, o.kind FROM ops.claim c JOIN ops.operation o ON o.id = c.operation_id
            WHERE c.active AND ((c.class = 'topology' AND c.resource = @resource) OR (c.class = 'fault' AND split_part(c.resource, '/', 1) = @resource)) ORDER BY c.class DESC LIMIT 1
            """, ("resource", resource)).ListAsync(r => new OperationHolder(r.GetGuid(0), r.GetString(1)), cancel)).FirstOrDefault();
    }

    /// <summary>How many operations that were to take this one back have come to nothing.</summary>
    public async Task<int> EndedRollbacksAsync(Guid id, CancellationToken cancel = default)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return (int)await connection.Command("SELECT count(*) FROM ops.operation WHERE rollback_of = @id AND state IN ('failed', 'rolledBack', 'cancelled', 'expired')", ("id", id)).ScalarAsync<long>(cancel);
    }

    /// <summary>When the newest operation of this kind began that this person asked for and that held the resource; null: never.</summary>
    public async Task<DateTimeOffset?> LastStartedAsync(string kind, string requestedById, string resource, CancellationToken cancel = default)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return (await connection.Command("""
            SELECT max(o.started_at) AS at FROM ops.operation o JOIN ops.claim c ON c.operation_id = o.id WHERE o.kind = @kind AND o.requested_by_id = @person AND c.resource = @resource
            """, ("kind", kind), ("person", requestedById), ("resource", resource)).ListAsync(r => r.Value<DateTimeOffset>("at"), cancel)).FirstOrDefault();
    }

    /// <summary>Journal entries after <paramref name="after"/>, oldest first.</summary>
    public async Task<IReadOnlyList<OperationEvent>> EventsAsync(Guid id, long after = 0, int limit = 500, CancellationToken cancel = default)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return await connection.Command(
            "SELECT * FROM ops.journal WHERE operation_id = @id AND sequence > @after ORDER BY sequence LIMIT @limit",
            ("id", id), ("after", after), ("limit", limit)).ListAsync(MapEvent, cancel);
    }

    internal static async Task<Plan?> FindPlanAsync(NpgsqlConnection connection, string hash, CancellationToken cancel) =>
        await connection.Command("SELECT body FROM ops.plan WHERE hash = @hash", ("hash", hash)).ScalarAsync<string>(cancel) is { } body ? Plan.Read(body) : null;

    internal static Operation Map(NpgsqlDataReader reader)
    {
        var plan = Plan.Read(reader.Get<string>("body"));
        var steps = reader.Text("steps") is { } json ? JsonSerializer.Deserialize<StepRow[]>(json, OperationJson.Options)! : [];
        return new Operation
        {
            Id = reader.Get<Guid>("id"),
            Plan = plan,
            PlanHash = reader.Get<string>("plan_hash"),
            State = reader.Word<OperationState>("state"),
            Request = reader.Json("request"),
            Preflight = JsonSerializer.Deserialize<Preflight>(reader.Get<string>("preflight"), OperationJson.Options)!,
            RequestedBy = reader.Get<string>("requested_by"),
            RequestedById = reader.Get<string>("requested_by_id"),
            Reason = reader.Get<string>("reason"),
            Start = reader.Word<StartMode>("start_mode"),
            ApprovalId = reader.Value<Guid>("approval_id"),
            RollbackOf = reader.Value<Guid>("rollback_of"),
            CreatedAt = reader.Get<DateTimeOffset>("created_at"),
            StartedAt = reader.Value<DateTimeOffset>("started_at"),
            EndedAt = reader.Value<DateTimeOffset>("ended_at"),
            ExecuteBefore = reader.Value<DateTimeOffset>("execute_before"),
            CommitUntil = reader.Value<DateTimeOffset>("commit_until"),
            TakenBack = reader.Get<bool>("taken_back"),
            Wish = reader.Text("wish") is { } wish ? OperationStates.Parse<OperationWish>(wish) : null,
            Ending = reader.Text("ending") is { } ending ? OperationStates.Parse<OperationState>(ending) : null,
            EndReason = reader.Text("end_reason"),
            Result = reader.Json("result"),
            Outputs = reader.Json("outputs"),
            Holder = reader.Text("holder"),
            Epoch = reader.Get<long>("epoch"),
            InSection = reader.Value<DateTimeOffset>("section_until") is not null,
            LastEvent = reader.Get<long>("events"),
            Steps = [.. steps.Select(s => new OperationStep(s.Index, plan.Steps[s.Index].Name, s.State, s.StartedAt?.ToUniversalTime(), s.EndedAt?.ToUniversalTime(), s.Detail, s.Progress, s.UndoneAt?.ToUniversalTime()))],
        };
    }

    internal static OperationEvent MapEvent(NpgsqlDataReader reader) => new(
        reader.Get<Guid>("operation_id"), reader.Get<long>("sequence"), reader.Get<DateTimeOffset>("at"), reader.Get<long>("epoch"),
        reader.Get<string>("node"), reader.Get<string>("kind"), reader.Value<int>("step"), reader.Get<string>("text"),
        reader.Text("data") is { } data ? JsonNode.Parse(data)!.AsObject() : null);

    private sealed record StepRow(int Index, StepState State, DateTimeOffset? StartedAt, DateTimeOffset? EndedAt, DateTimeOffset? UndoneAt, string Detail, double Progress);
}
