using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Objectives;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Drills.Reports;

/// <summary>Makes a report of what is on record: the operation, its journal, its approval, and the last run of the same kind.</summary>
public sealed class ReportBuilder(FleetModel fleet, OperationReader reader, ApprovalService approvals)
{
    private const int MostEvents = 2000;
    private static readonly string[] Named = ["verdict", "hypothesis", "injection", "cleanUp"];

    /// <summary>What makes two runs comparable, in their requests.</summary>
    private static readonly string[] Same = ["experiment", "suite", "source", "target", "cluster"];

    /// <exception cref="OperationNotFoundException">there is none</exception>
    public async Task<OperationReport> BuildAsync(Guid id, CancellationToken cancel)
    {
        var operation = await reader.GetAsync(id, cancel);
        var events = await EventsAsync(id, cancel);
        var last = await LastAsync(operation, cancel);
        var steps = operation.Steps.Select(s => Step(s, operation.Plan.Steps[s.Index])).ToList();
        return new OperationReport
        {
            Id = id, Kind = operation.Kind, Title = operation.Plan.Title, State = operation.State.Word(), EndReason = operation.EndReason, RequestedBy = operation.RequestedBy, Reason = operation.Reason,
            PlanHash = operation.PlanHash, AskedAt = operation.CreatedAt, StartedAt = operation.StartedAt, EndedAt = operation.EndedAt,
            Verdicts = [.. Named.Where(n => Word(operation, n) is not null).Select(n => KeyValuePair.Create(n, Word(operation, n)!))],
            Tests = Tests(operation),
            Objectives = [.. Objectives(operation)],
            Executed = [.. steps.Where(s => s.Outcome != NotExecuted)],
            NotExecuted = [.. steps.Where(s => s.Outcome == NotExecuted)],
            Approvals = operation.ApprovalId is { } approval
                ? [.. (await approvals.GetAsync(approval, cancel)).Decisions.Select(d => new ReportDecision(d.Email, d.Approve, d.Comment, d.StepUp, d.At))] : [],
            Checks = [.. operation.Preflight.Checks],
            Measurements = [.. events.SelectMany(Measurements)],
            Differences = last is null ? [] : [.. Differences(last, operation)],
            ComparedWith = last?.Id,
            Timeline = [.. events.Where(e => e.Kind != "progress").Select(e => new ReportEvent(e.At, e.Kind, e.Step is { } s ? operation.Plan.Steps[s].Name : "", Words(e)))],
            Result = Shareable(operation.Result),
        };
    }

    internal const string NotExecuted = "notExecuted";

    /// <summary>A report is passed on: the way into a restored database, which holds its password, is no part of it for anybody.</summary>
    private static JsonObject Shareable(JsonObject result)
    {
        var shared = (JsonObject)result.DeepClone();
        shared.Remove("connection");
        return shared;
    }

    private async Task<List<OperationEvent>> EventsAsync(Guid id, CancellationToken cancel)
    {
        var all = new List<OperationEvent>();
        while (all.Count < MostEvents && await reader.EventsAsync(id, all.Count == 0 ? 0 : all[^1].Sequence, cancel: cancel) is { Count: > 0 } more) all.AddRange(more);
        return all;
    }

    private async Task<Operation?> LastAsync(Operation operation, CancellationToken cancel) =>
        (await reader.ListAsync(operation.Kind, before: operation.Id, limit: 200, cancel: cancel))
            .FirstOrDefault(o => o.StartedAt is not null && o.State.IsEnd() && Same.All(k => o.Request[k]?.ToString() == operation.Request[k]?.ToString()));

    private static ReportStep Step(OperationStep step, PlanStep plan) => new(
        step.Index, step.Name, step.State == StepState.Pending ? NotExecuted : step.State.Word(), step.StartedAt, step.EndedAt, step.Detail, plan.Undo, step.UndoneAt);

    private static IReadOnlyList<ReportTest> Tests(Operation operation) =>
        operation.Result["tests"] is JsonObject tests ? [.. tests.Select(t => t.Value.Deserialize<ReportTest>(OperationJson.Options)!).OrderBy(t => t.Id, StringComparer.Ordinal)] : [];

    /// <summary>A move of a cluster that was measured, against what binds the cluster.</summary>
    private IEnumerable<ReportObjective> Objectives(Operation operation)
    {
        if ((operation.Request["cluster"] ?? operation.Result["cluster"])?.ToString() is not { } id || !fleet.Clusters.TryGetValue(id, out var cluster)) yield break;
        if (Number(operation, "measuredRtoSeconds") is { } rto) yield return new ReportObjective(id, "RTO", ObjectiveTargets.Rto(cluster.RtoSeconds, cluster.Tier).Seconds, rto);
        if (Number(operation, "measuredRpoSeconds") is { } rpo) yield return new ReportObjective(id, "RPO", ObjectiveTargets.Rpo(cluster.RpoSeconds, cluster.Tier).Seconds, rpo);
    }

    private static IEnumerable<ReportMeasurement> Measurements(OperationEvent happened) => happened.Data?["values"] is JsonArray values
        ? values.OfType<JsonObject>().Select(v => new ReportMeasurement(happened.At, happened.Data["phase"]?.ToString() ?? "", v["condition"]?.ToString() ?? "", v["measured"]?.Deserialize<double>(), v["holds"]?.Deserialize<bool>() ?? false)) : [];

    private static IEnumerable<ReportDifference> Differences(Operation before, Operation now)
    {
        (string What, string? Before, string? Now)[] pairs =
        [
            ("state", before.State.Word(), now.State.Word()),
            .. Named.Select(n => (n, Word(before, n), Word(now, n))),
            ("targets", before.Plan.Title, now.Plan.Title),
            ("duration, s", Took(before), Took(now)),
            ("recovery, s", Text(before, "recoverySeconds"), Text(now, "recoverySeconds")),
            ("measured RTO, s", Text(before, "measuredRtoSeconds"), Text(now, "measuredRtoSeconds")),
            .. Tests(now).Select(t => ($"test {t.Name}", Tests(before).FirstOrDefault(b => b.Id == t.Id)?.Verdict, (string?)t.Verdict)),
        ];
        return pairs.Where(p => p.Before != p.Now).Select(p => new ReportDifference(p.What, p.Before ?? "–", p.Now ?? "–"));
    }

    private static string? Took(Operation operation) => (operation.EndedAt - operation.StartedAt)?.TotalSeconds.ToString("0.0", CultureInfo.InvariantCulture);

    private static string? Word(Operation operation, string name) => operation.Result[name] is JsonValue value && value.TryGetValue<string>(out var word) ? word : null;
    private static string? Text(Operation operation, string name) => operation.Result[name]?.ToString();
    private static double? Number(Operation operation, string name) => operation.Result[name] is { } value && value.GetValueKind() == JsonValueKind.Number ? value.Deserialize<double>() : null;

    private static string Words(OperationEvent happened) => happened.Kind == "state" ? $"{happened.Data?["from"]} → {happened.Data?["to"]} {happened.Text}".Trim() : happened.Text;
}
