using OpsConsole.Core.Audit;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Approvals;

/// <summary>Reviews that break-glass starts owe (AP-3): open until somebody else has done them.</summary>
public sealed class Reviews(ConsoleDatabase database, IAuditLog audit, TimeProvider clock)
{
    /// <summary>Open ones first, the longest owed first. <paramref name="after"/> continues a list: the last one seen.</summary>
    public async Task<IReadOnlyList<Review>> ListAsync(bool openOnly = true, (bool Done, Guid Id)? after = null, int limit = 500, CancellationToken cancel = default)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return await connection.Command("""
            SELECT * FROM ops.review WHERE (NOT @open OR done_at IS NULL) AND (@id::uuid IS NULL OR (done_at IS NOT NULL, id) > (@done, @id::uuid))
            ORDER BY done_at IS NOT NULL, id LIMIT @limit
            """, ("open", openOnly), ("id", after?.Id), ("done", after?.Done ?? false), ("limit", limit)).ListAsync(ApprovalStore.MapReview, cancel);
    }

    public async Task<Review> CompleteAsync(Guid id, string notes, Person person, CancellationToken cancel = default)
    {
        if (!person.May(Policies.Approve)) throw new NotAllowedException(Policies.Approve);
        if (string.IsNullOrWhiteSpace(notes)) throw new RequestRefusedException("reason", "Say what the review found.");
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var found = await connection.Command("SELECT * FROM ops.review WHERE id = @id FOR UPDATE", ("id", id)).ListAsync(ApprovalStore.MapReview, cancel);
        if (found is not [var review]) throw new ReviewNotFoundException(id);
        if (review.DoneAt is not null) throw new RequestRefusedException("state", "The review is done already.");
        if (person.IsSameHuman(review.OwedById, review.OwedIdentities)) throw new RequestRefusedException("selfApproval", "Nobody reviews their own break-glass start.");
        var now = clock.GetUtcNow();
        await connection.Command("UPDATE ops.review SET done_at = @now, done_by = @by, notes = @notes WHERE id = @id",
            ("id", id), ("now", now), ("by", person.Email), ("notes", notes)).ExecuteAsync(cancel);
        await audit.AppendAsync(new AuditDraft(person.Email, "review.complete", $"operation:{review.OperationId}", notes, person.From), cancel);
        await transaction.CommitAsync(cancel);
        return review with { DoneAt = now, DoneBy = person.Email, Notes = notes };
    }
}

public sealed class ReviewNotFoundException(Guid id) : Exception($"There is no review {id}.");
