using System.Globalization;

namespace OpsConsole.Core.Backups.Streaming;

/// <summary>Names of objects in a repository.</summary>
/// <remarks><code>
/// CLUSTER/backups/LABEL/base.ocb         tar, compressed by the server
/// CLUSTER/backups/LABEL/files.ocb        PostgreSQL's manifest of the files in it
/// CLUSTER/backups/LABEL/backup.ocb       what the backup is; written last: without it there is none
/// CLUSTER/wal/TIMELINE/SEGMENT.ocb       a whole segment
/// CLUSTER/wal/TIMELINE/SEGMENT.UPTO.part.ocb   the newest segment up to a position
/// CLUSTER/wal/TIMELINE.history.ocb       where a timeline came from
/// </code></remarks>
public static class StreamNames
{
    public const string Suffix = ".ocb";
    private const string Description = "backup" + Suffix;

    public static string Label(DateTimeOffset at, Guid operation) => string.Create(CultureInfo.InvariantCulture, $"{at.UtcDateTime:yyyyMMdd'T'HHmmss'Z'}-{operation:N}");

    /// <summary>The operation that took it.</summary>
    public static Guid? OperationOf(string label) => label.Length > 33 && Guid.TryParseExact(label[^32..], "N", out var id) ? id : null;

    public static string Folder(string cluster, string label) => $"{cluster}/backups/{label}/";
    public static string Base(string cluster, string label) => $"{cluster}/backups/{label}/base{Suffix}";
    public static string Files(string cluster, string label) => $"{cluster}/backups/{label}/files{Suffix}";
    public static string Backup(string cluster, string label) => $"{cluster}/backups/{label}/{Description}";
}
