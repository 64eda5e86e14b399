using System.Collections.Immutable;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace OpsConsole.Core.Operations;

/// <summary>What an operation claims of a resource. Two operations never hold the same class of the same resource, except Use: any number reads it at once,
/// and whoever would take it away looks for them (<see cref="Claims.HolderAsync"/>).</summary>
public enum ResourceClass { Topology, Data, Fault, Use }

/// <summary>Reversible: says how it is undone. ForwardOnly: once done, the operation only finishes. Neutral: changes nothing
/// (a check, a wait), so there is nothing to undo.</summary>
public enum Reversibility { Reversible, ForwardOnly, Neutral }

/// <param name="Resource"><c>cluster:orders</c>, <c>region:us-east-1</c>, <c>service:us-east-1-api</c></param>
public sealed record PlanTarget(string Resource, ResourceClass Class);

/// <summary>A blocking preflight check that is overridden. Why is the request's reason: the audit log has both in one entry.</summary>
public sealed record PlanOverride(string Check);

public sealed record PlanStep
{
    /// <summary>Name under which the code is registered (<see cref="IStep.Name"/>): <c>failover.promote</c>.</summary>
    public required string Step { get; init; }
    /// <summary>What a person reads: "Promote us-west-2".</summary>
    public required string Name { get; init; }
    public string Detail { get; init; } = "";
    /// <summary>How it is undone, in words; empty when <see cref="Reversibility"/> says that it cannot or need not be.</summary>
    public string Undo { get; init; } = "";
    public Reversibility Reversibility { get; init; } = Reversibility.Reversible;
    /// <summary>Everything that the step needs, as JSON: the approval covers it. No measurements, no clock times.</summary>
    public JsonObject Parameters { get; init; } = [];
    /// <summary>Part of the critical section: needs no console database (the journal goes to a local file first). Values that
    /// its undo needs are parameters, or captured by a step before the section.</summary>
    public bool Critical { get; init; }
    /// <summary>Runs once everything is undone, however the operation ends (experiments: is it again as it was?). Changes nothing, and its
    /// failure is only noted.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool AfterUndo { get; init; }
    /// <summary>A failure is noted and the operation goes on.</summary>
    public bool Optional { get; init; }
    /// <summary>Longest time for one attempt, 0.1 to 86,400 s.</summary>
    public double TimeoutSeconds { get; init; } = 300;
    /// <summary>Tries before the step counts as failed, 1 to 100. Past a forward-only step more are made (options).</summary>
    public int Attempts { get; init; } = 1;
}

/// <summary>The ordered steps of an operation: immutable, and hashed as a whole. Holds what would be done and within which bounds;
/// never a measurement and never a clock time, since those change by themselves and would void an approval.</summary>
public sealed record Plan
{
    /// <summary>Kind of operation: <see cref="OperationKinds"/>, or a capability's own word.</summary>
    public required string Kind { get; init; }
    /// <summary>Verb and target: "Fail over us-east-1 to us-west-2".</summary>
    public required string Title { get; init; }
    public Severity Severity { get; init; } = Severity.Medium;
    public ImmutableArray<PlanTarget> Targets { get; init; } = [];
    public required ImmutableArray<PlanStep> Steps { get; init; }
    public ImmutableArray<PlanOverride> Overrides { get; init; } = [];
    /// <summary>Limits within which the approval holds, by name with the unit in it: <c>maxLagSeconds</c>, <c>maxLostBytes</c>.
    /// Preflight measures again at the start and compares.</summary>
    public ImmutableSortedDictionary<string, double> Bounds { get; init; } = ImmutableSortedDictionary<string, double>.Empty;
    /// <summary>How long after success one click takes it back. 0: not at all.</summary>
    public double CommitWindowSeconds { get; init; }
    /// <summary>Nothing is ever built upon it: it can be taken back at any time, without a window (a restored instance is removed).</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public bool TakenBackAnytime { get; init; }
    /// <summary>The effects are temporary (experiments): they are undone after the last step, too.</summary>
    public bool UndoAtEnd { get; init; }

    [JsonIgnore]
    public JsonNode Json => JsonSerializer.SerializeToNode(this, OperationJson.Options)!;

    [JsonIgnore]
    public string Canonical => OperationJson.Canonical(Json);

    /// <summary>SHA-256 of the canonical JSON, in lower-case hex.</summary>
    [JsonIgnore]
    public string Hash => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Canonical)));

    public static Plan Read(string json) => JsonSerializer.Deserialize<Plan>(json, OperationJson.Options)
        ?? throw new JsonException("A plan is not null.");

    /// <summary>Mistakes in the plan itself, in words; empty when it can run.</summary>
    internal IEnumerable<string> Mistakes(StepRegistry registry)
    {
        if (Steps.Length == 0) yield return "the plan has no steps";
        foreach (var (step, index) in Steps.Select((s, i) => (s, i)))
        {
            if (!registry.Knows(step.Step)) yield return $"step {index} ({step.Name}): no code is registered under '{step.Step}'";
            if (step.Reversibility == Reversibility.Reversible && step.Undo.Length == 0) yield return $"step {index} ({step.Name}) is reversible but does not say how it is undone";
            if (step.TimeoutSeconds is < 0.1 or > 86_400) yield return $"step {index} ({step.Name}): time-out {step.TimeoutSeconds} s is outside 0.1 to 86,400 s";
            if (step.Attempts is < 1 or > 100) yield return $"step {index} ({step.Name}): {step.Attempts} attempts is outside 1 to 100";
        }
        foreach (var (step, index) in Steps.Select((s, i) => (s, i)).Where(s => s.s.AfterUndo && s.s.Reversibility != Reversibility.Neutral))
            yield return $"step {index} ({step.Name}) runs after the undo, so it must not change anything";
        var sections = Steps.Select(s => s.Critical).Zip(Steps.Skip(1).Select(s => s.Critical).Append(false)).Count(p => p is (true, false));
        if (sections > 1) yield return "the plan has more than one critical section";
        if (UndoAtEnd && Steps.Any(s => s.Reversibility == Reversibility.ForwardOnly)) yield return "a plan that is undone at its end has a forward-only step";
    }
}

/// <summary>Kinds that the engine itself distinguishes: who gives way to whom, and what the emergency stop ends.</summary>
public static class OperationKinds
{
    public const string Failover = "failover";
    public const string Restore = "restore";
    public const string Backup = "backup";
    public const string Drill = "drill";
    public const string Experiment = "experiment";
    /// <summary>A node comes back as a standby; it gives way when the primary is lost meanwhile.</summary>
    public const string Rejoin = "rejoin";

    /// <summary>Whether a new operation of one kind may end a running one of another. Nothing pre-empts a failover or a restore.</summary>
    public static bool Preempts(string kind, string running) => kind == Failover && running is (Experiment or Drill or Backup or Rejoin);

    /// <summary>Kinds that the emergency stop ends. Never a failover or a restore.</summary>
    public static ImmutableArray<string> Stoppable { get; } = [Experiment, Drill];
}
