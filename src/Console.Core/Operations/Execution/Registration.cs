using System.Text.Json;
using System.Text.Json.Nodes;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Audit;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Operations.Execution;

/// <summary>Gives an operation that began from memory its row, its steps, its claims and its audit entry. Repeating it changes nothing.</summary>
internal sealed class Registration(ConsoleDatabase database, OperationStateChanger changer, IAuditLog audit, NodeIdentity node, OperationsOptions options)
{
    public const string Begin = "begin";

    /// <summary>The first line of its local journal: all that the row needs.</summary>
    public static JournalEntry Entry(Operation operation) => new(Begin, null, "begun from memory", operation.CreatedAt)
    {
        Data = new JsonObject
        {
            ["plan"] = operation.Plan.Canonical,
            ["request"] = operation.Request.DeepClone(),
            ["preflight"] = JsonSerializer.SerializeToNode(operation.Preflight, OperationJson.Options),
            ["reason"] = operation.Reason,
        },
    };

    /// <param name="instance">of the process that runs it; of one that is dead: anything else than this one's</param>
    public async Task RegisterAsync(Guid id, long epoch, JournalEntry begin, string instance, CancellationToken cancel)
    {
        var data = begin.Data!;
        var body = data["plan"]!.GetValue<string>();
        var plan = Plan.Read(body);
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await connection.Command("INSERT INTO ops.plan (hash, body, created_at) VALUES (@hash, @body, @at) ON CONFLICT DO NOTHING", ("hash", plan.Hash), ("body", body), ("at", begin.At)).ExecuteAsync(cancel);
        var inserted = await connection.Command("""
            INSERT INTO ops.operation (id, kind, title, plan_hash, request, preflight, state, requested_by, requested_by_id, reason, start_mode, created_at, started_at,
                holder, instance, epoch, lease_until, section_until, section_proof, events)
            VALUES (@id, @kind, @title, @hash, @request, @preflight, 'running', @by, @byId, @reason, 'automatic', @at, @at,
                @node, @instance, @epoch, clock_timestamp() + @lease, clock_timestamp() + @section, true, 1)
            ON CONFLICT DO NOTHING
            """, ("id", id), ("kind", plan.Kind), ("title", plan.Title), ("hash", plan.Hash), ("request", data["request"]), ("preflight", data["preflight"]),
            ("by", Person.Console.Email), ("byId", Person.Console.Id), ("reason", data["reason"]!.GetValue<string>()), ("at", begin.At), ("node", node.Name), ("instance", instance), ("epoch", epoch),
            ("lease", TimeSpan.FromSeconds(options.LeaseSeconds)), ("section", TimeSpan.FromSeconds(options.SectionSeconds))).ExecuteAsync(cancel);
        if (inserted == 0) return;
        await connection.Command("INSERT INTO ops.step (operation_id, index, state) SELECT @id, i, 'pending' FROM generate_series(0, @last) i", ("id", id), ("last", plan.Steps.Length - 1)).ExecuteAsync(cancel);
        var blockers = await Claims.TakeAsync(connection, id, plan, cancel);
        await changer.NoteAsync(connection, id, begin.At, "state", begin.Text, new() { ["from"] = OperationState.Planned.Word(), ["to"] = OperationState.Running.Word(), ["by"] = node.Name }, cancel);
        // It has acted already: the fleet's lock and epoch decide, and what the record thought is put beside it.
        if (blockers.Count > 0) await NoteBlockersAsync(connection, id, begin.At, blockers, cancel);
        await audit.AppendAsync(new AuditDraft(Person.Console.Email, $"{plan.Kind}.request", $"operation:{id}", data["reason"]!.GetValue<string>(), After: new { planHash = plan.Hash, plan.Title, StandingApproval = true }), cancel);
        await transaction.CommitAsync(cancel);
        foreach (var blocker in blockers.Where(b => OperationKinds.Preempts(plan.Kind, b.Kind)).DistinctBy(b => b.Operation)) await Wishes.GiveWayAsync(database, changer, blocker.Operation, node.Name, plan.Kind, id, begin.At, cancel);
    }

    private async Task NoteBlockersAsync(Npgsql.NpgsqlConnection connection, Guid id, DateTimeOffset at, IReadOnlyList<Blocker> blockers, CancellationToken cancel)
    {
        await connection.Command("UPDATE ops.operation SET events = events + 1 WHERE id = @id", ("id", id)).ExecuteAsync(cancel);
        await changer.NoteAsync(connection, id, at, "note", $"began beside {string.Join(", ", blockers.Select(b => $"{b.Kind} {b.Operation}"))}, which holds the same resource", null, cancel);
    }
}
