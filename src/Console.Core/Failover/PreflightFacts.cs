using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Failover;

/// <summary>Everything that a preflight looks at, measured beforehand, so that the rules are pure.</summary>
/// <param name="Now">When the facts were taken.</param>
/// <param name="RpoTargetSeconds">What binds the cluster (OB-1).</param>
public sealed record PreflightFacts(FleetModel Fleet, FleetSnapshot Picture, DateTimeOffset Now, double RpoTargetSeconds)
{
    /// <summary>Measured HTTP load of the whole fleet in requests/s; null when unknown.</summary>
    public double? LoadRps { get; init; }
    /// <summary>Weights of the HTTP traffic by region, as set now; null when unknown or when no traffic manager carries any.</summary>
    public IReadOnlyDictionary<string, int>? Weights { get; init; }
    /// <summary>Newest verified backup of the cluster; null when none is known.</summary>
    public DateTimeOffset? NewestBackupAt { get; init; }
    /// <summary>Id and kind of the operation that holds the cluster's topology and gives way to none; null when free.</summary>
    public string? RunningOperation { get; init; }
    /// <summary>Where each region's node had written to when it was last seen as the primary: what is known of it once it does not answer. Null: never seen.</summary>
    public IReadOnlyDictionary<string, ulong?> LastWritten { get; init; } = new Dictionary<string, ulong?>();
    /// <summary>How many standbys confirmed each commit of a region's primary when it was last seen; fewer than declared while standbys are missing. Null: not known.</summary>
    public IReadOnlyDictionary<string, int?> ConfirmationsInForce { get; init; } = new Dictionary<string, int?>();
    /// <summary>Set while hands-off or maintenance covers the cluster.</summary>
    public string? MaintenanceReason { get; init; }
    /// <summary>Largest difference between a node's clock and the console's; null when unknown.</summary>
    public double? ClockSkewSeconds { get; init; }
    /// <summary>Traffic managers that do not answer, each with the reason.</summary>
    public IReadOnlyList<string> UnreachableTrafficManagers { get; init; } = [];
    /// <summary>Region in which the console's own database lies; empty for a site of its own.</summary>
    public string ConsoleStateRegion { get; init; } = "";
    /// <summary>Pause of the newest switchover that was measured; null: never proven.</summary>
    public double? SwitchoverSeconds { get; init; }
}
