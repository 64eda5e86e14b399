using System.Collections.Immutable;
using System.Text.Json.Nodes;

namespace OpsConsole.Core.Operations;

/// <summary>Blocking ones can be overridden with two approvers and a reason only.</summary>
public enum CheckVerdict { Passed, Warning, Blocking }

/// <param name="Id">stable, with dashes: overrides name it</param>
/// <param name="Measured">what was seen, with its unit; <c>unknown</c> when nothing could be</param>
/// <param name="Limit">what it is held against; empty for a check without a limit</param>
/// <param name="Message">one sentence: what it means, and how to mend it</param>
public sealed record PreflightCheck(string Id, CheckVerdict Verdict, string Measured, string Limit, string Message);

/// <summary>What was measured before acting. Never part of the plan's hash.</summary>
public sealed record Preflight
{
    public ImmutableArray<PreflightCheck> Checks { get; init; } = [];
    /// <summary>For people and the API: <c>rtoSeconds</c>, <c>rpoSeconds</c>, <c>lostBytes</c>, ...</summary>
    public JsonObject Estimate { get; init; } = [];

    public static Preflight Nothing { get; } = new();

    /// <summary>Blocking checks that the plan does not override.</summary>
    public IEnumerable<PreflightCheck> Blocking(Plan plan) =>
        Checks.Where(c => c.Verdict == CheckVerdict.Blocking && !plan.Overrides.Any(o => o.Check == c.Id));
}

/// <summary>Turns a request into a plan. One per kind of operation.</summary>
public interface IPlanner
{
    string Kind { get; }

    /// <summary>The same request in the same world gives the same hash. Throws <see cref="RequestRefusedException"/> for a
    /// request that makes no sense.</summary>
    Task<Plan> PlanAsync(JsonObject request, CancellationToken cancel);

    /// <summary>Measures the world against the plan's bounds. Called before asking for approval and again at the start.</summary>
    Task<Preflight> PreflightAsync(Plan plan, CancellationToken cancel);

    /// <summary>Whether it is well to turn a running operation back now (is what it came from still healthy?). Empty: nothing speaks against it.</summary>
    Task<IReadOnlyList<PreflightCheck>> WayBackAsync(Operation running, CancellationToken cancel) => Task.FromResult<IReadOnlyList<PreflightCheck>>([]);

    /// <summary>The request that takes a succeeded operation back, or null when this kind cannot be taken back.</summary>
    JsonObject? Reverse(Operation succeeded) => null;
}
