using System.Text.Json.Nodes;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Audit;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Operations;

/// <summary>What people and code may do with operations. Every call is checked against the person's roles, and is an audit entry.</summary>
public sealed class OperationService
{
    private readonly ConsoleDatabase _database;
    private readonly OperationStateChanger _changer;
    private readonly OperationReader _reader;
    private readonly OperationSubmission _submission;
    private readonly IAuditLog _audit;
    private readonly TimeProvider _clock;

    internal OperationService(ConsoleDatabase database, OperationStateChanger changer, OperationReader reader, OperationSubmission submission, IAuditLog audit, TimeProvider clock) =>
        (_database, _changer, _reader, _submission, _audit, _clock) = (database, changer, reader, submission, audit, clock);

    /// <summary>Plans and measures, changes nothing. The plan is kept, so that a later difference can be shown.</summary>
    public Task<PlanPreview> PreviewAsync(string kind, JsonObject request, CancellationToken cancel = default) => _submission.PreviewAsync(kind, request, cancel);

    /// <summary>Asks for an operation. It runs at once where nobody has to approve it.</summary>
    /// <exception cref="BlockedException">another operation holds its resources and does not give way</exception>
    /// <exception cref="RequestRefusedException">rules: planChanged, preflight, stopEngaged, breakGlassOverride, kind, idempotencyKey</exception>
    public Task<Submitted> SubmitAsync(OperationRequest request, Person person, CancellationToken cancel = default) => _submission.SubmitAsync(request, person, cancel);

    /// <summary>Starts an approved operation that waits for somebody to start it.</summary>
    public async Task<Operation> StartAsync(Guid id, Person person, CancellationToken cancel = default)
    {
        Require(person, Policies.Operate);
        await using var connection = await _database.App.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await connection.Command("SELECT 1 FROM ops.operation WHERE id = @id FOR UPDATE", ("id", id)).ExecuteAsync(cancel);
        var operation = await OperationReader.FindAsync(connection, id, cancel) ?? throw new OperationNotFoundException(id);
        // Repeating it changes nothing, however far the operation is by now.
        if (operation.StartedAt is not null || operation is { State: OperationState.Approved, Start: StartMode.Automatic }) return operation;
        if (operation.State != OperationState.Approved) throw new RequestRefusedException("state", $"The operation is {operation.State.Word()}; only an approved one can be started.");
        if (operation.ExecuteBefore <= _clock.GetUtcNow()) throw new RequestRefusedException("expired", "The right to execute it has expired: ask for it again.");
        var blockers = await Claims.BlockersAsync(connection, id, operation.Plan, cancel);
        if (blockers.FirstOrDefault(b => !OperationKinds.Preempts(operation.Kind, b.Kind)) is { } blocker) throw blocker.Refusal();
        await connection.Command("UPDATE ops.operation SET start_mode = 'automatic', events = events + 1 WHERE id = @id", ("id", id)).ExecuteAsync(cancel);
        await _changer.NoteAsync(connection, id, _clock.GetUtcNow(), "start", $"started by {person.Email}", null, cancel);
        await _audit.AppendAsync(new AuditDraft(person.Email, "operation.start", $"operation:{id}", null, person.From), cancel);
        await transaction.CommitAsync(cancel);
        return operation with { Start = StartMode.Automatic };
    }

    /// <summary>Ends an operation: what has not begun is cancelled, what runs is undone and then cancelled. Repeating it changes nothing.</summary>
    /// <exception cref="RequestRefusedException">forwardOnly: it can only finish</exception>
    public Task<Operation> CancelAsync(Guid id, string reason, Person person, CancellationToken cancel = default)
    {
        Require(person, Policies.Operate);
        return EndAsync(id, OperationWish.Cancel, "operation.cancel", reason, person, cancel);
    }

    /// <summary>Takes an operation back: a running one turns round; a succeeded one is taken back by a new operation within its commit window, or at any time
    /// where its plan says so. Repeated by the same person, it is the same new operation.</summary>
    /// <returns>the operation that rolls back: the same one, or the new one</returns>
    public async Task<Operation> RollBackAsync(Guid id, string reason, Person person, CancellationToken cancel = default)
    {
        Require(person, Policies.Operate);
        var operation = await _reader.GetAsync(id, cancel);
        if (operation.State == OperationState.Running && (await _submission.WayBackAsync(operation, cancel)).Where(c => c.Verdict == CheckVerdict.Blocking).ToList() is { Count: > 0 } blocking)
            throw new RequestRefusedException("preflight", string.Join("; ", blocking.Select(c => c.Message)) + " Let it go on, or cancel it: that takes everything back all the same.") { Checks = blocking };
        if (operation.State != OperationState.Succeeded)
            return await EndAsync(id, OperationWish.RollBack, "operation.rollback", reason, person, cancel);
        // Asked twice it is one; asked again after one that came to nothing it is another.
        var before = await _reader.EndedRollbacksAsync(id, cancel);
        var back = new OperationRequest(operation.Kind, [], reason) { RollbackOf = id, IdempotencyKey = $"rollback {before} of {id}" };
        if (await _submission.FindAsync(back.IdempotencyKey, person, cancel) is { } known && await _reader.GetAsync(known, cancel) is var earlier && earlier.Reason == reason) return earlier;
        if (!operation.Plan.TakenBackAnytime && (operation.CommitUntil is not { } until || until <= _clock.GetUtcNow()))
            throw new RequestRefusedException("committed", "Its commit window is over: ask for a new operation in the other direction.");
        var request = _submission.Reverse(operation) ?? throw new RequestRefusedException("irreversible", $"A {operation.Kind} cannot be taken back.");
        var submitted = await _submission.SubmitAsync(back with { Request = request }, person, cancel);
        return await _reader.GetAsync(submitted.OperationId, cancel);
    }

    /// <summary>Closes the commit window: from here only a new operation takes it back.</summary>
    public async Task<Operation> CommitAsync(Guid id, string reason, Person person, CancellationToken cancel = default)
    {
        Require(person, Policies.Operate);
        await using var connection = await _database.App.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var rows = await connection.Command("UPDATE ops.operation SET commit_until = NULL, events = events + 1 WHERE id = @id AND state = 'succeeded' AND commit_until IS NOT NULL", ("id", id)).ExecuteAsync(cancel);
        if (rows > 0)
        {
            await _changer.NoteAsync(connection, id, _clock.GetUtcNow(), "note", $"committed by {person.Email}: {reason}", null, cancel);
            await _audit.AppendAsync(new AuditDraft(person.Email, "operation.commit", $"operation:{id}", reason, person.From), cancel);
            await transaction.CommitAsync(cancel);
        }
        var operation = await _reader.GetAsync(id, cancel);
        if (operation.State != OperationState.Succeeded) throw new RequestRefusedException("state", $"The operation is {operation.State.Word()}; only a succeeded one can be committed.");
        return operation;
    }

    /// <summary>Goes on with a failed operation that is past its point of no return, from the step that failed.</summary>
    public async Task<Operation> RetryAsync(Guid id, string reason, Person person, CancellationToken cancel = default)
    {
        Require(person, Policies.Operate);
        await _changer.ChangeAsync(id, new StateChange(OperationState.Running, person.Email, reason, OperationState.Failed)
        {
            Apply = async (connection, operation, token) =>
            {
                if (!operation.MayRetry) throw new RequestRefusedException("state", "It was undone, or never began: ask for a new operation.");
                var blockers = await Claims.TakeAsync(connection, id, operation.Plan, token);
                if (blockers.Count > 0) throw blockers[0].Refusal();
            },
            Audit = new AuditDraft(person.Email, "operation.retry", $"operation:{id}", reason, person.From),
        }, cancel);
        return await _reader.GetAsync(id, cancel);
    }

    /// <summary>A person sees to what an experiment's clean-up could not take back: it is not tried any more, and the operation ends as failed,
    /// naming what is left.</summary>
    public async Task<Operation> TakeOverAsync(Guid id, string reason, Person person, CancellationToken cancel = default)
    {
        Require(person, Policies.Operate);
        var operation = await _reader.GetAsync(id, cancel);
        if (operation.State.IsEnd() || operation.Steps.All(s => s.State is not (StepState.Undoing or StepState.UndoFailed)))
            throw new RequestRefusedException("state", $"The operation is {operation.State.Word()} and nothing of it is being cleaned up.");
        return await EndAsync(id, OperationWish.TakeOver, "operation.takeOver", reason, person, cancel);
    }

    private Task<Operation> EndAsync(Guid id, OperationWish wish, string action, string reason, Person person, CancellationToken cancel) =>
        Wishes.EndAsync(_database, _changer, id, wish, person.Email, reason, _clock.GetUtcNow(), cancel,
            operation => new AuditDraft(person.Email, action, $"operation:{operation.Id}", reason, person.From), _audit);

    private static void Require(Person person, string policy)
    {
        if (!person.May(policy)) throw new NotAllowedException(policy);
    }
}
