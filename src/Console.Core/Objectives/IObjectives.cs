using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Objectives;

/// <param name="TargetSeconds">What binds (OB-1): the cluster's own target, else its tier's, else 15 min RTO, 5 min RPO.</param>
/// <param name="TargetSource">cluster, tier or default.</param>
/// <param name="CurrentSeconds">Measured (RPO) or estimated from measured parts (RTO); null while unknown.</param>
/// <param name="CurrentSource">Which measurements it comes from, in words.</param>
/// <param name="ProvenSeconds">From the last failover or drill; null: never proven.</param>
public sealed record ObjectiveValue(double TargetSeconds, string TargetSource, double? CurrentSeconds, string CurrentSource, double? ProvenSeconds, DateTimeOffset? ProvenAt)
{
    /// <summary>What proved it, in words; empty: never proven.</summary>
    public string ProvenFrom { get; init; } = "";
}

public sealed record ClusterObjectives(string Cluster, ServiceTier Tier, ObjectiveValue Rto, ObjectiveValue Rpo, DateTimeOffset? NewestRestorableAt);

/// <summary>Downtime allowed and used in the current calendar month, counted on 730 h (OB-4).</summary>
/// <param name="Name">database, application or system.</param>
/// <param name="CoveredPercent">Share of the elapsed month for which there are samples; the rest is unknown, not up.</param>
public sealed record ErrorBudget(string Name, double TargetPercent, double AllowedSeconds, double UsedSeconds, double CoveredPercent, DateTimeOffset From, DateTimeOffset To);

public interface IObjectives
{
    IReadOnlyList<ClusterObjectives> Current();
    Task<IReadOnlyList<ErrorBudget>> ErrorBudgetsAsync(CancellationToken cancel = default);
}
