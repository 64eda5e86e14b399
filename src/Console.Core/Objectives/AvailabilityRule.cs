using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Objectives;

/// <summary>OB-4: what counts as up. Unknown is neither up nor down and is not counted.</summary>
public static class AvailabilityRule
{
    public const string Database = "database";
    public const string Application = "application";
    public const string System = "system";

    /// <summary>Database: every cluster acknowledges writes. Application: at least one region has an api service that is healthy or degraded.
    /// System: both.</summary>
    public static IReadOnlyDictionary<string, bool?> Of(FleetSnapshot picture)
    {
        var database = All(picture.Clusters.Values.Select(OfCluster));
        var application = Any(picture.Services.Values.Where(s => s.Kind == ServiceKind.Api).Select(s => OfStatus(s.Status, HealthStatus.Degraded)));
        var parts = new List<bool?>();
        if (picture.Clusters.Count > 0)
            parts.Add(database);
        if (picture.Services.Values.Any(s => s.Kind == ServiceKind.Api))
            parts.Add(application);
        return new Dictionary<string, bool?> { [Database] = database, [Application] = application, [System] = All(parts) };
    }

    // Where heartbeats are off, a primary with a working standby set is taken as writable.
    private static bool? OfCluster(ClusterState cluster) => cluster.WriteAvailable ?? OfStatus(cluster.Status, HealthStatus.Degraded);

    private static bool? OfStatus(HealthStatus status, HealthStatus worst) => status == HealthStatus.Unknown ? null : status <= worst;

    private static bool? All(IEnumerable<bool?> parts)
    {
        var list = parts.ToList();
        return list.Count == 0 ? null : list.Contains(false) ? false : list.Contains(null) ? null : true;
    }

    private static bool? Any(IEnumerable<bool?> parts)
    {
        var list = parts.ToList();
        return list.Count == 0 ? null : list.Contains(true) ? true : list.Contains(null) ? null : false;
    }
}
