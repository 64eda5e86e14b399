using System.Collections.Immutable;
using System.Text.Json.Nodes;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Chaos;

public enum ExperimentGroup { Database, Infrastructure, Regional, Network, Application }

/// <summary>What an experiment chooses its targets from. Standbys and primaries are the nodes' services; nodes are databases from inside.</summary>
public enum TargetPool { Service, Region, Link, Cluster, Standby, Primary, PrimaryNode, TrafficManager, Named }

/// <summary>Which targets, as declared; resolved against the fleet as it is.</summary>
/// <param name="Kind">of services: database, cache, api, ...; empty: any</param>
/// <param name="From">of links: a site, <c>standby</c>, <c>primary</c> or a star; likewise To</param>
/// <param name="Service">of links: what they lead to, such as <c>postgres</c>; empty: any</param>
/// <param name="Role">of regions and services: <c>primary</c> (where a cluster's primary is), <c>standby</c> (elsewhere) or a star</param>
/// <param name="Count">a number, a percentage (rounded up, at least one) or <c>all</c></param>
public sealed record TargetRule(TargetPool Pool, string Kind = "", string From = "*", string To = "*", string Service = "", string Role = "*", string Count = "1")
{
    /// <summary>Of the pool <see cref="TargetPool.Named"/>: exactly these.</summary>
    public ImmutableArray<string> Names { get; init; } = [];
}

/// <summary>A ready experiment: shipped with the console, or declared in <c>Chaos:Experiments</c>.</summary>
public sealed record Experiment
{
    /// <summary>Lower case letters, digits and dashes.</summary>
    public required string Id { get; init; }
    /// <summary>Verb first: "Kill the process of an API".</summary>
    public required string Title { get; init; }
    /// <summary>What it is to show.</summary>
    public string Purpose { get; init; } = "";
    public required ExperimentGroup Group { get; init; }
    public required Severity Severity { get; init; }
    /// <summary>Entry of <see cref="FaultKinds"/>.</summary>
    public required string Fault { get; init; }
    public required TargetRule Targets { get; init; }
    /// <summary>Null: the options' default.</summary>
    public double? DurationSeconds { get; init; }
    public double? IntensityPercent { get; init; }
    public JsonObject Settings { get; init; } = [];
    /// <summary>Runs only with a proven backup of what it touches.</summary>
    public bool CanLoseData { get; init; }
    /// <summary>Steady state, before, during and after: <see cref="Condition"/>s.</summary>
    public ImmutableArray<string> Hypothesis { get; init; } = [];
    /// <summary>Ends it at once when one of them comes true.</summary>
    public ImmutableArray<string> Abort { get; init; } = [];
}

/// <summary>Targets as resolved now.</summary>
/// <param name="Pool">everything that the rule could choose from, allowed or not</param>
/// <param name="Words">"2 of 3 links from standbys"</param>
public sealed record ResolvedTargets(IReadOnlyList<string> Pool, IReadOnlyList<string> Chosen, string Words);

/// <summary>An experiment as it would run now: definition and a person's wishes.</summary>
public sealed record ExperimentRun(Experiment Experiment, ResolvedTargets Targets, double DurationSeconds, double IntensityPercent);
