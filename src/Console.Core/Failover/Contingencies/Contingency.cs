using System.Collections.Immutable;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Failover.Contingencies;

/// <summary>What a loss would mean for one cluster.</summary>
public enum ContingencyAnswer
{
    /// <summary>The primary is elsewhere and enough standbys remain: writes go on.</summary>
    GoesOn,
    /// <summary>The primary is elsewhere, but too few standbys remain to confirm commits: writes wait.</summary>
    WritesWait,
    /// <summary>The primary is lost: a failover is planned.</summary>
    FailOver,
    /// <summary>The primary is lost and nothing that remains may take it over.</summary>
    NoTarget,
}

/// <param name="Target">best of what remains; null when nobody moves or nobody can</param>
/// <param name="Reasons">why this answer, this target and this strategy; whole sentences</param>
/// <param name="Plan">what would run; null when nothing would</param>
/// <param name="Checks">as they would be judged in that case, with the lags and positions of now</param>
public sealed record ClusterContingency(
    string Cluster, ContingencyAnswer Answer, string? Target, FailoverStrategy? Strategy, ImmutableArray<string> Reasons, Plan? Plan, ImmutableArray<PreflightCheck> Checks, FailoverEstimate? Estimate)
{
    /// <summary>Blocking checks: people would have to override them.</summary>
    public IEnumerable<PreflightCheck> Blocking => Checks.Where(c => c.Verdict == CheckVerdict.Blocking);
}

/// <summary>One case: regions that are gone, on top of those that do not serve already.</summary>
/// <param name="RemainingRps">capacity of the others in requests/s</param>
/// <param name="LoadRps">measured load of the fleet; null while unknown</param>
/// <param name="CarriesLoad">whether the rest carries the load; null while the load is unknown</param>
public sealed record Contingency(ImmutableArray<string> Lost, double RemainingRps, double? LoadRps, bool? CarriesLoad, ImmutableArray<ClusterContingency> Clusters)
{
    /// <summary>The fleet would be short of something: capacity, a target, or writes.</summary>
    public bool Violated => CarriesLoad == false || Clusters.Any(c => c.Answer is ContingencyAnswer.NoTarget or ContingencyAnswer.WritesWait);
}

/// <summary>All cases of the present fleet: N-1 and N-2 (FO-9).</summary>
/// <param name="AsOf">when the facts were taken</param>
public sealed record ContingencyReport(DateTimeOffset AsOf, ImmutableArray<Contingency> Cases)
{
    /// <param name="count">how many regions are lost: 1 or 2</param>
    public IEnumerable<Contingency> Losing(int count) => Cases.Where(c => c.Lost.Length == count);
}
