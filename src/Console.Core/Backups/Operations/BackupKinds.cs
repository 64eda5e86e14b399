using System.Text.Json.Nodes;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Backups.Operations;

/// <summary>Kinds of operations of this capability.</summary>
public static class BackupKinds
{
    public const string Backup = OperationKinds.Backup;
    public const string Verify = "verify";
    public const string Restore = OperationKinds.Restore;
    public const string Expire = "expire";
}

/// <summary>Reading requests: what is missing or unknown is refused with the field's name.</summary>
internal static class Requests
{
    public static ClusterOptions Cluster(this FleetModel fleet, JsonObject request) =>
        fleet.Clusters.TryGetValue(request.Text("cluster"), out var cluster) ? cluster
            : throw new RequestRefusedException("cluster", $"Cluster '{request.Text("cluster")}' is not declared. Known: {string.Join(", ", fleet.Clusters.Keys.Order(StringComparer.Ordinal))}.");

    public static string Text(this JsonObject request, string name) => request.Optional(name) ?? throw new RequestRefusedException(name, $"{name} is missing.");

    public static string? Optional(this JsonObject request, string name) => request[name] is JsonValue value && value.TryGetValue<string>(out var text) && text.Length > 0 ? text : null;

    public static async Task<Backup> BackupAsync(this BackupCatalogue catalogue, JsonObject request, CancellationToken cancel) =>
        Guid.TryParse(request.Text("backupId"), out var id) && await catalogue.FindAsync(id, cancel) is { } backup ? backup : throw new RequestRefusedException("backupId", $"There is no backup {request.Text("backupId")}.");

    /// <summary>Regions in which restored data of a cluster may lie, in the order in which a place is looked for.</summary>
    /// <param name="first">the region that is tried before the others; null: by priority</param>
    public static IReadOnlyList<string> PlacesFor(this FleetModel fleet, ClusterOptions cluster, BackupsOptions options, string? first) =>
    [
        .. fleet.RegionsByPriority.Where(r => options.Places.Exists(p => p.Region == r.Id))
            .Where(r => cluster.ComplianceZones.Count == 0 || r.ComplianceZones.Intersect(cluster.ComplianceZones).Any()).Select(r => r.Id).OrderByDescending(r => r == first),
    ];

    /// <summary>Repositories of a backup in the order in which their copies are read: checked ones first.</summary>
    public static JsonArray CopiesOf(Backup backup) => [.. backup.Copies.Where(c => c.State is not (CopyState.Failed or CopyState.Expired))
        .OrderByDescending(c => c.State == CopyState.Verified).ThenBy(c => c.Repository, StringComparer.Ordinal).Select(c => (JsonNode)c.Repository)];
}
