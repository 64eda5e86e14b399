using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Drills.Tests;

/// <param name="Verdict">passed, failed or skipped</param>
/// <param name="Evidence">what was measured, or why it was skipped</param>
public sealed record DrillOutcome(string Verdict, string Evidence)
{
    public static DrillOutcome Passed(string evidence) => new("passed", evidence);
    public static DrillOutcome Failed(string evidence) => new("failed", evidence);
    public static DrillOutcome Skipped(string reason) => new("skipped", reason);
    public static DrillOutcome Of(bool passed, string evidence) => passed ? Passed(evidence) : Failed(evidence);
}

/// <summary>One test of a drill: looks, or makes requests of its own; leaves nothing behind.</summary>
public interface IDrillTest
{
    /// <summary>Stable, with dashes.</summary>
    string Id { get; }

    Task<DrillOutcome> RunAsync(DrillPair pair, StepContext context);
}
