using System.Text.Json.Nodes;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Drills.Reports;

/// <param name="Outcome">done, found, skipped, failed, undone, notExecuted, ...</param>
public sealed record ReportStep(int Index, string Name, string Outcome, DateTimeOffset? StartedAt, DateTimeOffset? EndedAt, string Detail, string Undo, DateTimeOffset? UndoneAt);

/// <param name="Phase">before, during, after</param>
public sealed record ReportMeasurement(DateTimeOffset At, string Phase, string Condition, double? Measured, bool Holds);

public sealed record ReportDecision(string By, bool Approve, string Comment, string? StepUp, DateTimeOffset At);

public sealed record ReportEvent(DateTimeOffset At, string Kind, string Step, string Text);

/// <param name="Of">cluster</param>
public sealed record ReportObjective(string Of, string Objective, double TargetSeconds, double MeasuredSeconds)
{
    public bool Met => MeasuredSeconds <= TargetSeconds;
}

/// <summary>What differs from the last run of the same experiment or suite.</summary>
public sealed record ReportDifference(string What, string Before, string Now);

/// <param name="Verdict">passed, failed or skipped</param>
public sealed record ReportTest(string Id, string Name, string Verdict, string Evidence, double Seconds);

/// <summary>Everything about one drill or experiment that somebody may be asked for afterwards.</summary>
public sealed record OperationReport
{
    public required Guid Id { get; init; }
    public required string Kind { get; init; }
    public required string Title { get; init; }
    public required string State { get; init; }
    public string? EndReason { get; init; }
    public required string RequestedBy { get; init; }
    public required string Reason { get; init; }
    public required string PlanHash { get; init; }
    public required DateTimeOffset AskedAt { get; init; }
    public DateTimeOffset? StartedAt { get; init; }
    public DateTimeOffset? EndedAt { get; init; }
    /// <summary>Verdicts by name: hypothesis, injection, cleanUp; for a drill verdict and cleanUp.</summary>
    public required IReadOnlyList<KeyValuePair<string, string>> Verdicts { get; init; }
    public IReadOnlyList<ReportTest> Tests { get; init; } = [];
    public IReadOnlyList<ReportObjective> Objectives { get; init; } = [];
    public required IReadOnlyList<ReportStep> Executed { get; init; }
    public required IReadOnlyList<ReportStep> NotExecuted { get; init; }
    public IReadOnlyList<ReportDecision> Approvals { get; init; } = [];
    public IReadOnlyList<PreflightCheck> Checks { get; init; } = [];
    public IReadOnlyList<ReportMeasurement> Measurements { get; init; } = [];
    public IReadOnlyList<ReportDifference> Differences { get; init; } = [];
    /// <summary>The run that it is compared with; null: this is the first.</summary>
    public Guid? ComparedWith { get; init; }
    public required IReadOnlyList<ReportEvent> Timeline { get; init; }
    public required JsonObject Result { get; init; }
}
