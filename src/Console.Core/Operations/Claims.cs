using Npgsql;

namespace OpsConsole.Core.Operations;

/// <summary>Who holds what. The database decides (a partial unique index over active claims), never a look before the insert.</summary>
internal static class Claims
{
    /// <summary>Takes every claim of the plan or none: the caller's transaction must be rolled back when blockers are returned.
    /// Waits for a concurrent taker's commit. Idempotent for the holder.</summary>
    /// <returns>the blockers; empty when all claims are held</returns>
    public static async Task<IReadOnlyList<Blocker>> TakeAsync(NpgsqlConnection connection, Guid id, Plan plan, CancellationToken cancel)
    {
        foreach (var target in InOrder(plan))
        {
            // Classes that exclude each other are compared by a look: one taker of a resource at a time, so that each sees the other's rows.
            await LockAsync(connection, target.Resource, cancel);
            // A retried operation has its released claims still there.
            await connection.Command("""
                DELETE FROM ops.claim WHERE operation_id = @id AND resource = @resource AND class = @class AND NOT active
                """, ("id", id), ("resource", target.Resource), ("class", target.Class.Word())).ExecuteAsync(cancel);
            await connection.Command("""
                INSERT INTO ops.claim (operation_id, resource, class) VALUES (@id, @resource, @class)
                ON CONFLICT DO NOTHING
                """, ("id", id), ("resource", target.Resource), ("class", target.Class.Word())).ExecuteAsync(cancel);
        }
        return await BlockersAsync(connection, id, plan, cancel);
    }

    /// <summary>Active claims of others on the plan's targets: the same class of the same resource; and a fault anywhere in a resource
    /// (<c>cluster:orders/us-west-2</c> lies in <c>cluster:orders</c>) against its topology, either way round.</summary>
    public static async Task<IReadOnlyList<Blocker>> BlockersAsync(NpgsqlConnection connection, Guid? id, Plan plan, CancellationToken cancel)
    {
        var blockers = new List<Blocker>();
        foreach (var target in InOrder(plan))
        {
            blockers.AddRange(await connection.Command("""
                SELECT o.id, o.kind FROM ops.claim c JOIN ops.operation o ON o.id = c.operation_id
                WHERE c.active AND c.operation_id IS DISTINCT FROM @id::uuid AND (
                    (c.resource = @resource AND c.class = @class AND @class <> 'use')
                    OR (@class = 'topology' AND c.class = 'fault' AND split_part(c.resource, '/', 1) = @root)
                    OR (@class = 'fault' AND c.class = 'topology' AND c.resource = @root))
                """, ("id", id), ("resource", target.Resource), ("root", Root(target.Resource)), ("class", target.Class.Word()))
                .ListAsync(r => new Blocker(r.GetGuid(0), r.GetString(1), target), cancel));
        }
        return blockers;
    }

    /// <summary>Who holds a resource in any class; null: nobody, and until the transaction ends nobody comes to.</summary>
    public static async Task<OperationHolder?> HolderAsync(NpgsqlConnection connection, string resource, CancellationToken cancel)
    {
        await LockAsync(connection, resource, cancel);
        return (await connection.Command("SELECT o.id, o.kind FROM ops.claim c JOIN ops.operation o ON o.id = c.operation_id WHERE c.active AND c.resource = @resource LIMIT 1", ("resource", resource))
            .ListAsync(r => new OperationHolder(r.GetGuid(0), r.GetString(1)), cancel)).SingleOrDefault();
    }

    public static Task ReleaseAsync(NpgsqlConnection connection, Guid id, CancellationToken cancel) =>
        connection.Command("UPDATE ops.claim SET active = false WHERE operation_id = @id AND active", ("id", id)).ExecuteAsync(cancel);

    private static Task<int> LockAsync(NpgsqlConnection connection, string resource, CancellationToken cancel) =>
        connection.Command("SELECT pg_advisory_xact_lock(hashtextextended(@root, 7))", ("root", Root(resource))).ExecuteAsync(cancel);

    private static string Root(string resource) => resource.Split('/')[0];

    /// <summary>Always the same order, so that two takers cannot wait for each other.</summary>
    private static IEnumerable<PlanTarget> InOrder(Plan plan) =>
        plan.Targets.Distinct().OrderBy(t => t.Resource, StringComparer.Ordinal).ThenBy(t => t.Class);
}

internal sealed record Blocker(Guid Operation, string Kind, PlanTarget Target)
{
    public BlockedException Refusal() => new(Operation, Kind, Target);
}
