namespace OpsConsole.Sandbox.Processes;

/// <summary>What /proc says.</summary>
public static class ProcessTable
{
    /// <summary>Start time in clock ticks since boot, which with the pid names a process for ever; null when it is gone.</summary>
    public static string? StartTime(int pid) => Fields(pid) is { } fields && fields.Length > 19 ? fields[19] : null;

    /// <summary>Whether a process of that id runs (a zombie does not).</summary>
    public static bool IsAlive(int pid) => Fields(pid) is { } fields && fields[0] is not ("Z" or "X");

    // Everything after the command name, which may itself hold blanks and brackets. First field: the state.
    private static string[]? Fields(int pid)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            return stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException || (e is IOException && !Directory.Exists($"/proc/{pid}")))
        {
            return null;
        }
    }
}
