using OpsConsole.Core.Approvals;
using OpsConsole.Core.Audit;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Chaos;

/// <param name="Cause">what paused them: <c>failover:ID</c>, <c>region:ID@SINCE</c>, <c>person</c></param>
public sealed record PausedSchedules(string Cause, string Reason, string By, DateTimeOffset At);

/// <summary>Schedules of experiments and drills stand still while a row says so: after a real failover or something severe until a person
/// resumes them, or because a person wanted it.</summary>
public sealed class SchedulePause(ConsoleDatabase database, IAuditLog audit, TimeProvider clock)
{
    /// <summary>Null: they run.</summary>
    public async Task<PausedSchedules?> ActiveAsync(CancellationToken cancel = default)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return (await connection.Command("SELECT cause, reason, by, at FROM chaos.pause WHERE resumed_at IS NULL ORDER BY at LIMIT 1")
            .ListAsync(r => new PausedSchedules(r.GetString(0), r.GetString(1), r.GetString(2), r.Get<DateTimeOffset>("at")), cancel)).FirstOrDefault();
    }

    /// <returns>false: this cause paused them before</returns>
    public async Task<bool> PauseAsync(string cause, string reason, Person person, CancellationToken cancel = default)
    {
        if (!person.May(Policies.Operate)) throw new NotAllowedException(Policies.Operate);
        if (string.IsNullOrWhiteSpace(reason)) throw new RequestRefusedException("reason", "Say why.");
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var rows = await connection.Command("INSERT INTO chaos.pause (cause, reason, by, at) VALUES (@cause, @reason, @by, @at) ON CONFLICT DO NOTHING",
            ("cause", cause), ("reason", reason), ("by", person.Email), ("at", clock.GetUtcNow())).ExecuteAsync(cancel);
        if (rows == 0) return false;
        await audit.AppendAsync(new AuditDraft(person.Email, "schedules.pause", "experiments and drills", reason, person.From), cancel);
        await transaction.CommitAsync(cancel);
        return true;
    }

    public async Task ResumeAsync(string reason, Person person, CancellationToken cancel = default)
    {
        if (!person.May(Policies.Operate)) throw new NotAllowedException(Policies.Operate);
        if (string.IsNullOrWhiteSpace(reason)) throw new RequestRefusedException("reason", "Say why.");
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await connection.Command("UPDATE chaos.pause SET resumed_at = @at, resumed_by = @by WHERE resumed_at IS NULL", ("at", clock.GetUtcNow()), ("by", person.Email)).ExecuteAsync(cancel);
        await audit.AppendAsync(new AuditDraft(person.Email, "schedules.resume", "experiments and drills", reason, person.From), cancel);
        await transaction.CommitAsync(cancel);
    }
}
