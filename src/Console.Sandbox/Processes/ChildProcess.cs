using System.Diagnostics;
using OpsConsole.Sandbox.Layout;

namespace OpsConsole.Sandbox.Processes;

/// <summary>How a child is started.</summary>
/// <param name="Name">Names its log, too.</param>
/// <param name="Unprivileged">As <see cref="RunUser"/>; otherwise as oneself.</param>
/// <param name="StopSignal">What asks it to end in good order.</param>
public sealed record ChildSpec(
    string Name,
    IReadOnlyList<string> Command,
    string WorkingDirectory,
    bool Unprivileged = true,
    Signal StopSignal = Signal.Terminate,
    IReadOnlyDictionary<string, string>? Environment = null);

/// <summary>A long-running process of the sandbox: in a session of its own, so that a Ctrl-C at the terminal reaches only the
/// sandbox, with standard output and error appended to its log.</summary>
public sealed class ChildProcess
{
    public const string MarkerVariable = "OPSCONSOLE_SANDBOX";

    private readonly Process _process;
    private readonly Signal _stopSignal;

    internal ChildProcess(ChildSpec spec, RunUser user, string log, string marker)
    {
        Name = spec.Name;
        _stopSignal = spec.StopSignal;
        string[] command = ["setsid", "sh", "-c", "exec \"$@\" >>\"$0\" 2>&1 </dev/null", log, .. spec.Unprivileged ? user.Prefix : [], .. spec.Command];
        var start = new ProcessStartInfo(command[0], command.Skip(1)) { WorkingDirectory = spec.WorkingDirectory, RedirectStandardInput = true };
        foreach (var name in start.Environment.Keys.Where(k => k.StartsWith("PG", StringComparison.Ordinal)).ToList())
        {
            start.Environment.Remove(name);
        }
        start.Environment[MarkerVariable] = marker;
        if (spec.Unprivileged && user.Switches)
        {
            start.Environment["HOME"] = user.Home;
        }
        foreach (var (key, value) in spec.Environment ?? new Dictionary<string, string>())
        {
            start.Environment[key] = value;
        }

        _process = Process.Start(start) ?? throw new InvalidOperationException($"{Name} did not start.");
        Id = _process.Id;
        Exited = WaitAsync();
    }

    public string Name { get; }
    public int Id { get; }
    /// <summary>Its exit code, once it has one.</summary>
    public Task<int> Exited { get; }

    /// <summary>Asks it to end; after <paramref name="grace"/> kills its whole group.</summary>
    public async Task StopAsync(TimeSpan grace)
    {
        if (Exited.IsCompleted)
        {
            return;
        }

        Native.Kill(Id, _stopSignal);
        Native.Kill(Id, Signal.Continue); // a stopped process would never see the signal
        try
        {
            await Exited.WaitAsync(grace);
        }
        catch (TimeoutException)
        {
            Kill();
            await Exited;
        }
    }

    /// <summary>SIGKILL to it and its group.</summary>
    public void Kill()
    {
        Native.Kill(-Id, Signal.Kill);
        Native.Kill(Id, Signal.Kill);
    }

    private async Task<int> WaitAsync()
    {
        await _process.WaitForExitAsync();
        return _process.ExitCode;
    }
}
