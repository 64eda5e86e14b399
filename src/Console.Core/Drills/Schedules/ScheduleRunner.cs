using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Npgsql;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Audit;
using OpsConsole.Core.Chaos;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Drills.Schedules;

/// <param name="LastNote">why the last occurrence did not begin; empty: it did</param>
/// <param name="Overdue">in words; null: it is not</param>
public sealed record ScheduleState(ScheduleOptions Schedule, string TimeZone, DateTimeOffset NextAt, DateTimeOffset? LastAt, Guid? LastOperation, string LastNote, string? Overdue);

/// <summary>Begins what is due. Called once a minute by any node: an occurrence becomes one operation, however often it is asked for. A schedule that is new begins with its next time.</summary>
public sealed partial class ScheduleRunner(
    DrillsOptions options, FleetModel fleet, ConsoleDatabase database, OperationService operations, SchedulePause pause, Automation automation, ExperimentLibrary library, IAuditLog audit, TimeProvider time, ILogger<ScheduleRunner> log)
{
    public const string Reminder = "reminder";
    /// <summary>Note of an occurrence that is over without an operation.</summary>
    public const string Reminded = "reminded";
    /// <summary>Note of the occurrence before a schedule was looked at for the first time: a console that has just been set up begins nothing for it.</summary>
    private const string BeginsAfter = "the schedule begins after this";

    public async Task RunDueAsync(CancellationToken cancel)
    {
        if (!options.Scheduled) return;
        var now = time.GetUtcNow();
        var known = await KnownAsync(cancel);
        foreach (var schedule in options.Schedules)
        {
            var due = DrillCalendar.Previous(schedule, Zone(schedule), now);
            if (!known.Contains(schedule.Id)) await NoteAsync(schedule, due, BeginsAfter, cancel);
            if (now - due > TimeSpan.FromMinutes(schedule.WindowMinutes) || await BegunAsync(schedule.Id, due, cancel)) continue;
            if (schedule.What.Split(':', 2) is [Reminder, var text]) await RemindAsync(schedule, text, due, cancel);
            else await BeginAsync(schedule, due, cancel);
        }
    }

    public async Task<IReadOnlyList<ScheduleState>> ListAsync(CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        var last = (await connection.Command("SELECT DISTINCT ON (schedule) schedule, due_at, operation_id, note FROM drills.occurrence WHERE note <> @begins ORDER BY schedule, due_at DESC", ("begins", BeginsAfter))
            .ListAsync(r => (Id: r.GetString(0), Due: r.Get<DateTimeOffset>("due_at"), Operation: r.Value<Guid>("operation_id"), Note: r.Get<string>("note")), cancel)).ToDictionary(r => r.Id);
        var begun = (await connection.Command("SELECT schedule, max(due_at) AS due_at FROM drills.occurrence WHERE operation_id IS NOT NULL OR note = @reminded GROUP BY schedule", ("reminded", Reminded))
            .ListAsync(r => (Id: r.GetString(0), Due: r.Get<DateTimeOffset>("due_at")), cancel)).ToDictionary(r => r.Id, r => r.Due);
        var now = time.GetUtcNow();
        return [.. options.Schedules.Select(s =>
        {
            var known = last.TryGetValue(s.Id, out var found);
            return new ScheduleState(s, Zone(s).Id, DrillCalendar.Next(s, Zone(s), now), known ? found.Due : null, known ? found.Operation : null, known ? found.Note : "",
                Overdue(s, begun.TryGetValue(s.Id, out var at) ? at : null, known ? found.Due : null, now));
        })];
    }

    /// <summary>A period and the window have passed since the last one that began. One that never began is overdue when it was tried and its window is over.</summary>
    private string? Overdue(ScheduleOptions schedule, DateTimeOffset? begun, DateTimeOffset? tried, DateTimeOffset now)
    {
        if (!options.Scheduled) return null;
        var window = TimeSpan.FromMinutes(schedule.WindowMinutes);
        var due = DrillCalendar.Previous(schedule, Zone(schedule), now);
        if (begun is { } at) return at < due && now - at > DrillCalendar.Period(schedule.Every) + window ? $"overdue: last begun {at.UtcDateTime:yyyy-MM-dd HH:mm}Z" : null;
        return tried is { } missed && now - missed > window ? $"overdue: never begun, missed {missed.UtcDateTime:yyyy-MM-dd HH:mm}Z" : null;
    }

    /// <summary>On record once; who is to hear of it hears of the record.</summary>
    private async Task RemindAsync(ScheduleOptions schedule, string text, DateTimeOffset due, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        if (!await NoteAsync(connection, schedule, due, Reminded, cancel)) return;
        await audit.AppendAsync(new AuditDraft(Person.Console.Email, "schedule.remind", $"schedule:{schedule.Id}", text), cancel);
        await transaction.CommitAsync(cancel);
    }

    private async Task BeginAsync(ScheduleOptions schedule, DateTimeOffset due, CancellationToken cancel)
    {
        var (operation, note) = await TryAsync(schedule, due, cancel);
        if (operation is null) NotBegun(log, schedule.Id, note);
        else Begun(log, schedule.Id, operation.Value);
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await connection.Command("""
            INSERT INTO drills.occurrence (schedule, due_at, operation_id, note, at) VALUES (@schedule, @due, @operation::uuid, @note, @at)
            ON CONFLICT (schedule, due_at) DO UPDATE SET operation_id = COALESCE(drills.occurrence.operation_id, EXCLUDED.operation_id), note = EXCLUDED.note, at = EXCLUDED.at
            """, ("schedule", schedule.Id), ("due", due), ("operation", operation), ("note", note), ("at", time.GetUtcNow())).ExecuteAsync(cancel);
    }

    /// <summary>What is refused now is tried again until its window ends.</summary>
    private async Task<(Guid? Operation, string Note)> TryAsync(ScheduleOptions schedule, DateTimeOffset due, CancellationToken cancel)
    {
        if (await pause.ActiveAsync(cancel) is { } paused) return (null, $"schedules stand still: {paused.Reason}");
        if (await automation.HandsOffAsync([], cancel) is { } hold) return (null, $"{hold.Hold.Word()} of {hold.Scope}: {hold.Reason}");
        if (fleet.Options.Environment == FleetEnvironment.Production && !options.DisturbProduction && Disturbs(schedule.What)) return (null, "it disturbs production, and Drills:DisturbProduction does not allow that");
        try
        {
            var (kind, request) = Request(schedule);
            var submitted = await operations.SubmitAsync(new OperationRequest(kind, request, $"schedule {schedule.Id}")
            {
                StandingApproval = true, // of whoever wrote the calendar
                IdempotencyKey = $"schedule:{schedule.Id}:{due.UtcDateTime:yyyyMMddHHmm}",
            }, Person.Console, cancel);
            return (submitted.OperationId, "");
        }
        catch (Exception refused) when (refused is BlockedException or RequestRefusedException)
        {
            return (null, refused.Message);
        }
    }

    private bool Disturbs(string what) => what.Split(':') is not ["drill", var suite] || DrillSuites.Parse(suite) is not { } known || DrillSuites.Disrupts(known);

    private (string Kind, JsonObject Request) Request(ScheduleOptions schedule)
    {
        var (kind, what) = schedule.What.Split(':') is [var k, var w] ? (k, w) : ("", "");
        if (kind == OperationKinds.Experiment) return (OperationKinds.Experiment, new JsonObject { ["experiment"] = library.Get(what).Id });
        var request = new JsonObject { ["suite"] = what };
        if (schedule.Source.Length > 0) request["source"] = schedule.Source;
        if (schedule.Target.Length > 0) request["target"] = schedule.Target;
        return (OperationKinds.Drill, request);
    }

    private async Task<HashSet<string>> KnownAsync(CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return [.. await connection.Command("SELECT DISTINCT schedule FROM drills.occurrence").ListAsync(r => r.GetString(0), cancel)];
    }

    private async Task NoteAsync(ScheduleOptions schedule, DateTimeOffset due, string note, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await NoteAsync(connection, schedule, due, note, cancel);
    }

    /// <returns>false: something is on record for this occurrence</returns>
    private async Task<bool> NoteAsync(NpgsqlConnection connection, ScheduleOptions schedule, DateTimeOffset due, string note, CancellationToken cancel) =>
        await connection.Command("INSERT INTO drills.occurrence (schedule, due_at, note, at) VALUES (@schedule, @due, @note, @at) ON CONFLICT DO NOTHING",
            ("schedule", schedule.Id), ("due", due), ("note", note), ("at", time.GetUtcNow())).ExecuteAsync(cancel) == 1;

    private async Task<bool> BegunAsync(string schedule, DateTimeOffset due, CancellationToken cancel)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return await connection.Command("SELECT EXISTS (SELECT 1 FROM drills.occurrence WHERE schedule = @schedule AND due_at = @due AND (operation_id IS NOT NULL OR note IN (@reminded, @begins)))",
            ("schedule", schedule), ("due", due), ("reminded", Reminded), ("begins", BeginsAfter)).ScalarAsync<bool>(cancel);
    }

    private TimeZoneInfo Zone(ScheduleOptions schedule) => TimeZoneInfo.FindSystemTimeZoneById(schedule.TimeZone.Length > 0 ? schedule.TimeZone : options.TimeZone);

    [LoggerMessage(5400, LogLevel.Information, "Schedule {Schedule} has begun operation {Operation}")]
    private static partial void Begun(ILogger log, string schedule, Guid operation);

    [LoggerMessage(5401, LogLevel.Warning, "Schedule {Schedule} is due and does not begin: {Reason}")]
    private static partial void NotBegun(ILogger log, string schedule, string reason);
}
