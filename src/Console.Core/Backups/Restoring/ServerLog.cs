namespace OpsConsole.Core.Backups.Restoring;

/// <summary>A server's log read for the reason for which it ended.</summary>
public static class ServerLog
{
    private const int Most = 3;
    private static readonly string[] Grave = ["FATAL:", "PANIC:"];

    // What a host is short of, or somebody has done to the server, says nothing about the data.
    private static readonly string[] OfTheHost = ["No space left", "allocate memory", "shared memory", "lock file", "administrator command", "could not bind", "Too many open files", "Permission denied", "Input/output error"];

    /// <returns>whether the server gave up because of the data that it was given; false also when it says nothing (it was killed)</returns>
    public static bool BlamesData(string log) => GraveLines(log) is { Count: > 0 } said && !said.Exists(w => OfTheHost.Any(h => w.Contains(h, StringComparison.Ordinal)));

    /// <returns>the newest grave lines with what to do about the known ones; empty: there are none</returns>
    public static string Reason(string log)
    {
        var said = GraveLines(log);
        if (said.Count == 0) return "";
        var text = $"Its log says: {string.Join("; ", said)}.";
        if (said.Exists(w => w.Contains("before configured recovery target was reached", StringComparison.Ordinal)))
            text += " The log up to that moment is not in this engine's repositories, or holds no commit after it: choose an earlier moment, or a backup of the other engine.";
        else if (said.Exists(w => w.Contains("recovery target timeline", StringComparison.Ordinal)))
            text += " The history of the cluster's timeline is not stored, or does not lead through this backup: choose a newer backup.";
        return text;
    }

    // Those that sign in while it starts are told so as FATAL: that is no reason.
    private static List<string> GraveLines(string log) =>
        log.Split('\n').Select(Words).OfType<string>().Where(w => !w.StartsWith("the database system is", StringComparison.Ordinal)).Distinct().TakeLast(Most).ToList();

    private static string? Words(string line)
    {
        foreach (var grave in Grave)
            if (line.IndexOf(grave, StringComparison.Ordinal) is >= 0 and var at) return line[(at + grave.Length)..].Trim();
        return null;
    }
}
