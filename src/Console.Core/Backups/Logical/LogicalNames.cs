using OpsConsole.Core.Backups.Streaming;

namespace OpsConsole.Core.Backups.Logical;

/// <summary>Names of a dump's objects in a repository; labels are those of <see cref="StreamNames"/>.</summary>
/// <remarks><code>
/// CLUSTER/dumps/LABEL/roles.ocb       the roles as SQL, without their passwords
/// CLUSTER/dumps/LABEL/database.ocb    the database in pg_dump's custom format
/// CLUSTER/dumps/LABEL/backup.ocb      what the backup is; written last: without it there is none
/// </code></remarks>
public static class LogicalNames
{
    private const string Description = "backup" + StreamNames.Suffix;

    public static string Roles(string cluster, string label) => $"{cluster}/dumps/{label}/roles{StreamNames.Suffix}";
    public static string Database(string cluster, string label) => $"{cluster}/dumps/{label}/database{StreamNames.Suffix}";
    public static string Backup(string cluster, string label) => $"{cluster}/dumps/{label}/{Description}";
}
