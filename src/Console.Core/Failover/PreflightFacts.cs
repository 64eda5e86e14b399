using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Failover;

/// <summary>Everything that a preflight looks at, measured beforehand, so that the rules are pure.</summary>
/// <param name="Now">When the facts were taken.</param>
/// <param name="RpoTargetSeconds">What binds the cluster (OB-1).</param>
/// <param name="LoadRps">Measured HTTP load of the whole fleet in requests/s; null when unknown.</param>
/// <param name="NewestBackupAt">Newest verified backup of the cluster; null when none is known.</param>
/// <param name="RunningOperation">Id and kind of the operation that holds the cluster's topology; null when free.</param>
/// <param name="MaintenanceReason">Set while hands-off or maintenance covers the cluster.</param>
/// <param name="ClockSkewSeconds">Largest difference between a node's clock and the console's; null when unknown.</param>
/// <param name="UnreachableTrafficManagers">Ids of traffic managers that do not answer.</param>
/// <param name="ConsoleStateRegion">Region in which the console's own database lies; empty for a site of its own.</param>
public sealed record PreflightFacts(
    FleetModel Fleet, FleetSnapshot Picture, DateTimeOffset Now, double RpoTargetSeconds, double? LoadRps, DateTimeOffset? NewestBackupAt,
    string? RunningOperation, string? MaintenanceReason, double? ClockSkewSeconds, IReadOnlyList<string> UnreachableTrafficManagers,
    string ConsoleStateRegion);
