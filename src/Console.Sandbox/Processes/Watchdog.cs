using System.Diagnostics;
using OpsConsole.Sandbox.Layout;

namespace OpsConsole.Sandbox.Processes;

/// <summary>A small shell that outlives the sandbox by a moment: holds the directory's lock, ends leftovers of an earlier run at
/// the start, and everything of this run when its input closes (see watchdog.sh).</summary>
public sealed class Watchdog : IAsyncDisposable
{
    private readonly Process _shell;

    private Watchdog(Process shell) => _shell = shell;

    /// <exception cref="SandboxException">Another sandbox runs over the directory.</exception>
    public static async Task<Watchdog> StartAsync(SandboxPaths paths, string run, CancellationToken cancel)
    {
        using var script = new StreamReader(typeof(Watchdog).Assembly.GetManifestResourceStream("watchdog.sh")!);
        var start = new ProcessStartInfo("setsid", ["sh", "-c", await script.ReadToEndAsync(cancel), "watchdog", paths.LockFile, paths.Id, run, paths.SitesRoot])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            WorkingDirectory = "/",
        };
        start.Environment.Remove(ChildProcess.MarkerVariable);
        var shell = Process.Start(start) ?? throw new InvalidOperationException("sh did not start.");
        if (await shell.StandardOutput.ReadLineAsync(cancel) != "ready")
        {
            shell.Dispose();
            throw new SandboxException($"Another sandbox is running over {paths.Root}. Stop it, or give this one its own --dir and --port-base.");
        }
        return new Watchdog(shell);
    }

    /// <summary>From now on the process ends with the sandbox.</summary>
    public void Add(int pid)
    {
        if (ProcessTable.StartTime(pid) is { } started)
        {
            lock (_shell)
            {
                _shell.StandardInput.WriteLine($"{pid} {started}");
                _shell.StandardInput.Flush();
            }
        }
    }

    /// <summary>Lets it end whatever is left, and waits until that is done.</summary>
    public async ValueTask DisposeAsync()
    {
        _shell.StandardInput.Close();
        await _shell.WaitForExitAsync();
        _shell.Dispose();
    }
}
