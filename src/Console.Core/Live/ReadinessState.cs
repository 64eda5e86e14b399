using System.Collections.Immutable;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Live;

/// <summary>Whether a cluster could move from one region to another, measured before anybody asks (FO-2). There is one for each ordered
/// pair of its regions.</summary>
/// <param name="Planned">true: a switchover was judged (the primary serves); false: a failover</param>
/// <param name="Checks">each with what was measured, in the order of the rules</param>
/// <param name="RtoSeconds">estimated pause of writes; null while unknown</param>
/// <param name="RpoSeconds">estimated loss in seconds of writes; null while unknown</param>
/// <param name="LostBytes">bytes that could be lost; null while unknown</param>
/// <param name="LoadRps">measured load of the fleet in requests/s; null while unknown</param>
/// <param name="ClockSkewSeconds">largest difference between a node's clock and the console's; null while unknown</param>
/// <param name="AsOf">when it was measured: the age of everything here</param>
public sealed record ReadinessState(
    string Cluster, string Source, string Target, bool Planned, ImmutableArray<PreflightCheck> Checks,
    double? RtoSeconds, double? RpoSeconds, long? LostBytes, double? LoadRps, double? ClockSkewSeconds, DateTimeOffset AsOf, int Version) : ILiveEntity
{
    public string Key => LinkState.KeyOf(Cluster, Source, Target);

    /// <summary>The worst of the checks.</summary>
    public CheckVerdict Verdict => Checks.IsDefaultOrEmpty ? CheckVerdict.Blocking : Checks.Max(c => c.Verdict);
}
