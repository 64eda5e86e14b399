using System.Globalization;
using System.Text;

namespace OpsConsole.Core.Backups.Streaming;

/// <summary>What tells a restored server how far to recover.</summary>
internal static class RecoverySettings
{
    public static string Of(StreamRestore order, StreamedBackup backup)
    {
        var lines = new StringBuilder("# Written by the restore of " + backup.Label + "\n");
        var copy = $"cp {Quote(order.DataDirectory.TrimEnd('/') + "/" + StreamRestorer.LogDirectory)}/%f \"%p\" 2>/dev/null";
        if (order.Target.Kind == RecoveryTarget.Backup)
        {
            // Just the log that the backup itself brings. A target "immediate" would fail where that log ends at the very position of consistency.
            Add(lines, "restore_command", "false");
            return lines.ToString();
        }
        Add(lines, "restore_command", order.FetchCommand.Length > 0 ? $"{copy} || {order.FetchCommand}" : copy);
        Add(lines, "recovery_target_timeline", order.Target.Timeline is { } timeline ? timeline.ToString(CultureInfo.InvariantCulture) : "latest");
        switch (order.Target.Kind)
        {
            case RecoveryTarget.Time:
                Add(lines, "recovery_target_time", order.Target.Time!.Value.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss.ffffff'+00'", CultureInfo.InvariantCulture));
                break;
            case RecoveryTarget.Name:
                Add(lines, "recovery_target_name", order.Target.Name!);
                break;
            default:
                break; // the end of the log
        }
        if (order.Target.Kind != RecoveryTarget.Latest) Add(lines, "recovery_target_action", "promote");
        return lines.ToString();
    }

    private static void Add(StringBuilder lines, string name, string value) =>
        lines.Append(CultureInfo.InvariantCulture, $"{name} = '{value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "''", StringComparison.Ordinal)}'\n");

    // For the shell that runs the command; %-signs of a path would be taken for placeholders.
    private static string Quote(string path) => $"'{path.Replace("'", "'\\''", StringComparison.Ordinal).Replace("%", "%%", StringComparison.Ordinal)}'";
}
