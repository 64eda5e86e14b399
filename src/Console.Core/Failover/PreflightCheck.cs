namespace OpsConsole.Core.Failover;

/// <summary>Verdict of a check before an operation. Blocking ones can be overridden with two approvers and a reason only.</summary>
public enum CheckVerdict { Passed, Warning, Blocking }

/// <param name="Id">Stable id, dashes: overrides name it.</param>
/// <param name="Measured">What was measured, with its unit; <c>unknown</c> when nothing could be.</param>
/// <param name="Limit">What it is held against; empty for a check without a limit.</param>
/// <param name="Message">One sentence; for a verdict other than passed it says how to mend.</param>
public sealed record PreflightCheck(string Id, CheckVerdict Verdict, string Measured, string Limit, string Message);

public static class PreflightExtensions
{
    /// <summary>Blocking checks that the request does not override.</summary>
    public static IReadOnlyList<PreflightCheck> Blockers(this IEnumerable<PreflightCheck> checks, IReadOnlyCollection<string> overrides) =>
        checks.Where(c => c.Verdict == CheckVerdict.Blocking && !overrides.Contains(c.Id)).ToList();
}
