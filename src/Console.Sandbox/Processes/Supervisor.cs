using OpsConsole.Sandbox.Layout;

namespace OpsConsole.Sandbox.Processes;

/// <summary>Starts the children and ends them all, last started first.</summary>
public sealed class Supervisor : IAsyncDisposable
{
    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(5);

    private readonly SandboxPaths _paths;
    private readonly Watchdog _watchdog;
    private readonly string _marker;
    private readonly List<ChildProcess> _children = [];

    private Supervisor(SandboxPaths paths, RunUser user, Watchdog watchdog, string marker)
    {
        _paths = paths;
        User = user;
        _watchdog = watchdog;
        _marker = marker;
    }

    public RunUser User { get; }

    /// <summary>What marks this run's processes in their environment; sshd hands it on to the commands that it runs.</summary>
    public string Marker => _marker;

    /// <summary>Runs a command as the unprivileged user to its end; it ends with the sandbox.</summary>
    /// <param name="passwordFile">Where libpq finds passwords, so that none is in the list of processes.</param>
    public Task<CommandResult> RunAsync(IEnumerable<string> command, string? passwordFile, CancellationToken cancel) =>
        Command.RunAsync([.. User.Prefix, .. command], EnvironmentFor(passwordFile), cancel);

    /// <inheritdoc cref="RunAsync"/>
    /// <exception cref="SandboxException">It failed; carries what it printed.</exception>
    public Task<string> RequireAsync(IEnumerable<string> command, string? passwordFile, CancellationToken cancel) =>
        Command.RequireAsync([.. User.Prefix, .. command], EnvironmentFor(passwordFile), cancel);

    private Dictionary<string, string> EnvironmentFor(string? passwordFile) =>
        new() { [ChildProcess.MarkerVariable] = _marker, ["PGPASSFILE"] = passwordFile ?? "/dev/null" };

    /// <summary>Takes the directory's lock and ends what an earlier run has left behind.</summary>
    public static async Task<Supervisor> StartAsync(SandboxPaths paths, RunUser user, CancellationToken cancel)
    {
        var run = Guid.NewGuid().ToString("N")[..12];
        var watchdog = await Watchdog.StartAsync(paths, run, cancel);
        return new Supervisor(paths, user, watchdog, $"{paths.Id}-{run}");
    }

    public ChildProcess Start(ChildSpec spec)
    {
        var log = _paths.Log(spec.Name);
        File.AppendAllText(log, "");
        if (spec.Unprivileged)
        {
            User.Own(log);
        }

        var child = new ChildProcess(spec, User, log, _marker);
        _watchdog.Add(child.Id);
        lock (_children)
        {
            _children.RemoveAll(c => c.Exited.IsCompleted);
            _children.Add(child);
        }
        return child;
    }

    /// <summary>A process that something else has started, such as a postmaster started through a host's shell.</summary>
    public void Adopt(int pid) => _watchdog.Add(pid);

    public async ValueTask DisposeAsync()
    {
        ChildProcess[] children;
        lock (_children)
        {
            children = [.. _children];
        }
        await Task.WhenAll(children.Select(c => c.StopAsync(Grace)));
        await _watchdog.DisposeAsync();
    }
}
