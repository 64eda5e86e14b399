using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Failover;

public static class PreflightExtensions
{
    /// <summary>Blocking checks that the request does not override.</summary>
    public static IReadOnlyList<PreflightCheck> Blockers(this IEnumerable<PreflightCheck> checks, IReadOnlyCollection<string> overrides) =>
        checks.Where(c => c.Verdict == CheckVerdict.Blocking && !overrides.Contains(c.Id)).ToList();
}
