using Npgsql;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Audit;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Operations;

/// <param name="VerifiedAt">when the world was read back and nothing of it was left; null: not yet</param>
public sealed record StoppedTarget(Guid OperationId, string Target, DateTimeOffset? VerifiedAt);

/// <param name="Reverted">every step that is undone because of the stop</param>
public sealed record EmergencyStopStatus(bool Engaged, DateTimeOffset? EngagedAt, string? By, string? Reason, IReadOnlyList<StoppedTarget> Reverted);

/// <summary>Ends all experiments and drills and undoes them, and lets none begin until it is released. Never touches a failover or a restore.
/// It is a row: it holds over restarts and on every node.</summary>
public sealed class EmergencyStop
{
    private readonly ConsoleDatabase _database;
    private readonly OperationStateChanger _changer;
    private readonly OperationReader _reader;
    private readonly IAuditLog _audit;
    private readonly TimeProvider _clock;

    internal EmergencyStop(ConsoleDatabase database, OperationStateChanger changer, OperationReader reader, IAuditLog audit, TimeProvider clock) =>
        (_database, _changer, _reader, _audit, _clock) = (database, changer, reader, audit, clock);

    public async Task<EmergencyStopStatus> EngageAsync(string reason, Person person, CancellationToken cancel = default)
    {
        if (!person.May(Policies.StopExperiments)) throw new NotAllowedException(Policies.StopExperiments);
        var now = _clock.GetUtcNow();
        await using (var connection = await _database.App.OpenConnectionAsync(cancel))
        {
            await using var transaction = await connection.BeginTransactionAsync(cancel);
            await connection.Command("""
                INSERT INTO ops.emergency_stop (id, engaged_at, by, reason, operations)
                SELECT @id, @now, @by, @reason, COALESCE(array_agg(id), '{}') FROM ops.operation WHERE kind = ANY(@kinds) AND state IN ('running', 'rollingBack')
                ON CONFLICT DO NOTHING
                """, ("id", Guid.CreateVersion7(now)), ("now", now), ("by", person.Email), ("reason", reason), ("kinds", OperationKinds.Stoppable.ToArray())).ExecuteAsync(cancel);
            await _audit.AppendAsync(new AuditDraft(person.Email, "emergencyStop.engage", "experiments and drills", reason, person.From), cancel);
            await transaction.CommitAsync(cancel);
        }
        await StopAllAsync(cancel);
        return await StatusAsync(cancel);
    }

    public async Task<EmergencyStopStatus> ReleaseAsync(string reason, Person person, CancellationToken cancel = default)
    {
        if (!person.May(Policies.StopExperiments)) throw new NotAllowedException(Policies.StopExperiments);
        await using (var connection = await _database.App.OpenConnectionAsync(cancel))
        {
            await using var transaction = await connection.BeginTransactionAsync(cancel);
            await connection.Command("UPDATE ops.emergency_stop SET released_at = @now, released_by = @by WHERE released_at IS NULL", ("now", _clock.GetUtcNow()), ("by", person.Email)).ExecuteAsync(cancel);
            await _audit.AppendAsync(new AuditDraft(person.Email, "emergencyStop.release", "experiments and drills", reason, person.From), cancel);
            await transaction.CommitAsync(cancel);
        }
        return await StatusAsync(cancel);
    }

    /// <summary>The present stop, or the last one.</summary>
    public async Task<EmergencyStopStatus> StatusAsync(CancellationToken cancel = default)
    {
        await using var connection = await _database.App.OpenConnectionAsync(cancel);
        var rows = await connection.Command("SELECT * FROM ops.emergency_stop ORDER BY engaged_at DESC LIMIT 1").ListAsync(r => (
            Engaged: r.Value<DateTimeOffset>("released_at") is null, At: r.Get<DateTimeOffset>("engaged_at"), By: r.Get<string>("by"), Reason: r.Get<string>("reason"),
            Operations: r.Get<Guid[]>("operations")), cancel);
        if (rows is not [var stop]) return new EmergencyStopStatus(false, null, null, null, []);
        var reverted = new List<StoppedTarget>();
        foreach (var id in stop.Operations)
        {
            if (await _reader.FindAsync(id, cancel) is not { } operation) continue;
            reverted.AddRange(operation.Steps
                .Where(s => operation.Plan.Steps[s.Index].Reversibility == Reversibility.Reversible && s.State is not (StepState.Pending or StepState.Found))
                .Select(s => new StoppedTarget(id, s.Name, s.UndoneAt)));
        }
        return new EmergencyStopStatus(stop.Engaged, stop.At, stop.By, stop.Reason, reverted);
    }

    public async Task<bool> IsEngagedAsync(CancellationToken cancel = default)
    {
        await using var connection = await _database.App.OpenConnectionAsync(cancel);
        return await IsEngagedAsync(connection, cancel);
    }

    /// <summary>Tells every experiment and drill that has not been told yet.</summary>
    internal async Task StopAllAsync(CancellationToken cancel)
    {
        await using var connection = await _database.App.OpenConnectionAsync(cancel);
        if (!await IsEngagedAsync(connection, cancel)) return;
        var open = await connection.Command("""
            SELECT id FROM ops.operation WHERE kind = ANY(@kinds) AND wish IS NULL AND state IN ('planned', 'awaitingApproval', 'approved', 'running')
            """, ("kinds", OperationKinds.Stoppable.ToArray())).ListAsync(r => r.GetGuid(0), cancel);
        await Task.WhenAll(open.Select(id => StopAsync(id, cancel)));
    }

    /// <summary>One that is past a forward-only step cannot be ended; it is left to finish.</summary>
    private async Task StopAsync(Guid id, CancellationToken cancel)
    {
        try
        {
            await Wishes.EndAsync(_database, _changer, id, OperationWish.Cancel, "emergency stop", "emergency stop", _clock.GetUtcNow(), cancel);
        }
        catch (RequestRefusedException finishing) when (finishing.Rule is "forwardOnly" or "state")
        {
            // It can only finish, or has ended meanwhile.
        }
    }

    internal static async Task RefuseAsync(NpgsqlConnection connection, string kind, CancellationToken cancel)
    {
        if (OperationKinds.Stoppable.Contains(kind) && await IsEngagedAsync(connection, cancel))
            throw new RequestRefusedException("stopEngaged", "The emergency stop is engaged: release it before new experiments and drills.");
    }

    private static async Task<bool> IsEngagedAsync(NpgsqlConnection connection, CancellationToken cancel) =>
        await connection.Command("SELECT EXISTS (SELECT 1 FROM ops.emergency_stop WHERE released_at IS NULL)").ScalarAsync<bool>(cancel);
}

/// <summary>Whatever slipped past the stop's own round (begun at that moment, or on another node) is told here.</summary>
internal sealed class EmergencyStopChore(EmergencyStop stop) : IRunnerChore
{
    public Task RunAsync(CancellationToken cancel) => stop.StopAllAsync(cancel);
}
