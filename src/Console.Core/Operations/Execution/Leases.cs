using Npgsql;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Operations.Execution;

/// <summary>An operation that some node may have to run.</summary>
/// <param name="Expired">no runner holds a valid lease</param>
/// <param name="Covered">the lease of its critical section still runs</param>
/// <param name="Proof">sessions on the fleet were open when the section began, so that their absence proves the holder's end</param>
internal sealed record Candidate(Guid Id, long Epoch, string? Holder, string? Instance, bool Expired, bool Covered, bool Proof, string Plan);

/// <summary>Who runs what. All times are the database's.</summary>
internal sealed class Leases(ConsoleDatabase database, NodeIdentity node, OperationsOptions options)
{
    public async Task<IReadOnlyList<Candidate>> CandidatesAsync(CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return await connection.Command("""
            SELECT o.id, o.epoch, o.holder, o.instance, p.body, o.section_proof,
                o.lease_until IS NULL OR o.lease_until < clock_timestamp() AS expired,
                COALESCE(o.section_until > clock_timestamp(), false) AS covered
            FROM ops.operation o JOIN ops.plan p ON p.hash = o.plan_hash
            WHERE o.state IN ('running', 'rollingBack') OR (o.state = 'approved' AND o.start_mode = 'automatic')
            """).ListAsync(r => new Candidate(
                r.Get<Guid>("id"), r.Get<long>("epoch"), r.Text("holder"), r.Text("instance"), r.Get<bool>("expired"), r.Get<bool>("covered"),
                r.Get<bool>("section_proof"), r.Get<string>("body")), cancel);
    }

    /// <summary>Takes the operation if nothing has changed since it was seen. Raises the epoch, which
    /// grows over all operations: from then on every earlier runner is refused.</summary>
    /// <returns>the new epoch, or null when somebody else was faster</returns>
    public async Task<long?> TakeAsync(Candidate candidate, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        var epoch = await connection.Command("""
            UPDATE ops.operation SET holder = @node, instance = @instance, epoch = nextval('ops.epoch'), lease_until = clock_timestamp() + @lease
            WHERE id = @id AND epoch = @epoch AND state IN ('approved', 'running', 'rollingBack')
              AND (lease_until IS NULL OR lease_until < clock_timestamp() OR (holder = @node AND instance <> @instance))
            RETURNING epoch
            """, ("id", candidate.Id), ("epoch", candidate.Epoch), ("node", node.Name), ("instance", node.Instance),
            ("lease", TimeSpan.FromSeconds(options.LeaseSeconds))).ScalarAsync<long>(cancel);
        return epoch == 0 ? null : epoch;
    }

    /// <summary>An epoch for an operation that may have to begin without the database.</summary>
    public async Task<long> ReserveEpochAsync(CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return await connection.Command("SELECT nextval('ops.epoch')").ScalarAsync<long>(cancel);
    }

    /// <summary>Adds to the lease; inside a critical section also to that of the section.</summary>
    /// <returns>false: the lease is another's</returns>
    public async Task<(bool Held, OperationWish? Wish)> RenewAsync(Guid id, long epoch, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        var rows = await connection.Command("""
            UPDATE ops.operation SET lease_until = clock_timestamp() + @lease,
                section_until = CASE WHEN section_until IS NOT NULL THEN clock_timestamp() + @section END
            WHERE id = @id AND epoch = @epoch AND instance = @instance AND state IN ('approved', 'running', 'rollingBack')
            RETURNING wish
            """, ("id", id), ("epoch", epoch), ("instance", node.Instance), ("lease", TimeSpan.FromSeconds(options.LeaseSeconds)),
            ("section", TimeSpan.FromSeconds(options.SectionSeconds))).ListAsync(r => r.Text("wish"), cancel);
        return rows is [var wish] ? (true, wish is null ? null : OperationStates.Parse<OperationWish>(wish)) : (false, null);
    }

    /// <summary>Begins or ends a critical section.</summary>
    public async Task SetSectionAsync(Guid id, long epoch, bool open, bool proof, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        var rows = await connection.Command("""
            UPDATE ops.operation SET section_until = CASE WHEN @open THEN clock_timestamp() + @section END, section_proof = @proof
            WHERE id = @id AND epoch = @epoch
            """, ("id", id), ("epoch", epoch), ("open", open), ("proof", proof), ("section", TimeSpan.FromSeconds(options.SectionSeconds))).ExecuteAsync(cancel);
        if (rows == 0) throw new LeaseLostException($"Operation {id} is no longer held with epoch {epoch}.");
    }

    /// <summary>Gives the operation back, for another node to go on at once.</summary>
    public async Task ReleaseAsync(Guid id, long epoch, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await connection.Command("UPDATE ops.operation SET holder = NULL, instance = NULL, lease_until = NULL WHERE id = @id AND epoch = @epoch",
            ("id", id), ("epoch", epoch)).ExecuteAsync(cancel);
    }

    /// <summary>True for what may go by itself: no connection (class 08), no room (53), a server that starts or stops (57P), one that is being
    /// replaced (read-only), a login that is being changed (28).</summary>
    public static bool IsOutage(Exception exception) => exception switch
    {
        PostgresException refused => refused.IsTransient || refused.SqlState.AsSpan(0, 2) is "08" or "53" or "28" || refused.SqlState.StartsWith("57P", StringComparison.Ordinal)
            || refused.SqlState == PostgresErrorCodes.ReadOnlySqlTransaction,
        NpgsqlException or TimeoutException or IOException or System.Net.Sockets.SocketException => true,
        _ => false,
    };
}
