using System.Globalization;
using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Backups.Streaming;

/// <summary>A stored piece of the log.</summary>
/// <param name="FileName">as PostgreSQL names it</param>
/// <param name="UpTo">null: a whole segment, or a history file</param>
public sealed record WalObject(string Name, string FileName, int Timeline, ulong Segment, WalPosition? UpTo, bool IsHistory, DateTimeOffset WrittenAt);

/// <summary>Names of the log's pieces in a repository.</summary>
public static class WalNames
{
    private const string Part = ".part";
    private const string History = ".history";

    public static string Log(string cluster) => $"{cluster}/wal/";
    public static string Log(string cluster, int timeline) => string.Create(CultureInfo.InvariantCulture, $"{cluster}/wal/{timeline:X8}/");

    public static string FileName(int timeline, ulong segment, int segmentBytes)
    {
        var perId = 0x1_0000_0000UL / (ulong)segmentBytes;
        return string.Create(CultureInfo.InvariantCulture, $"{timeline:X8}{segment / perId:X8}{segment % perId:X8}");
    }

    public static string Whole(string cluster, int timeline, string fileName) => $"{Log(cluster, timeline)}{fileName}{StreamNames.Suffix}";

    public static string Partial(string cluster, int timeline, string fileName, WalPosition upTo) =>
        string.Create(CultureInfo.InvariantCulture, $"{Log(cluster, timeline)}{fileName}.{upTo.Value:X16}{Part}{StreamNames.Suffix}");

    public static bool IsPartial(string name) => name.EndsWith($"{Part}{StreamNames.Suffix}", StringComparison.Ordinal);

    public static string HistoryFile(int timeline) => string.Create(CultureInfo.InvariantCulture, $"{timeline:X8}{History}");

    public static string HistoryObject(string cluster, int timeline) => $"{Log(cluster)}{HistoryFile(timeline)}{StreamNames.Suffix}";

    /// <summary>Null for what is no piece of the log.</summary>
    public static WalObject? Parse(string cluster, string name, int segmentBytes, DateTimeOffset writtenAt)
    {
        if (!name.StartsWith(Log(cluster), StringComparison.Ordinal) || !name.EndsWith(StreamNames.Suffix, StringComparison.Ordinal)) return null;
        var file = name[(name.LastIndexOf('/') + 1)..^StreamNames.Suffix.Length];
        if (file.Length < 8 || !int.TryParse(file.AsSpan(0, 8), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var timeline)) return null;
        if (file.Length == 8 + History.Length && file.EndsWith(History, StringComparison.Ordinal)) return new WalObject(name, file, timeline, 0, null, true, writtenAt);
        if (file.Length < 24 || !ulong.TryParse(file.AsSpan(8, 8), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var id) || !ulong.TryParse(file.AsSpan(16, 8), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var low))
            return null;
        var segment = (id * (0x1_0000_0000UL / (ulong)segmentBytes)) + low;
        if (file.Length == 24) return new WalObject(name, file, timeline, segment, null, false, writtenAt);
        return file.Length == 24 + 17 + Part.Length && ulong.TryParse(file.AsSpan(25, 16), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var upTo)
            ? new WalObject(name, file[..24], timeline, segment, new WalPosition(upTo), false, writtenAt)
            : null;
    }
}
