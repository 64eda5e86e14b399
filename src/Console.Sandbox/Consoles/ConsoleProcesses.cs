using OpsConsole.Sandbox.Layout;
using OpsConsole.Sandbox.Processes;

namespace OpsConsole.Sandbox.Consoles;

/// <summary>The consoles, started by configuration as a production operator would. One that dies is started again, as systemd would.</summary>
public sealed class ConsoleProcesses(Supervisor supervisor, SandboxPaths paths, PortPlan ports, SandboxOptions options)
{
    private static readonly TimeSpan RestartDelay = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(60);
    private const int DeathsAllowedAtStart = 3;

    private readonly ChildProcess?[] _processes = new ChildProcess?[options.Consoles];
    private int _deaths;

    public int Count => options.Consoles;
    public IReadOnlyList<int> Pids => [.. _processes.OfType<ChildProcess>().Where(p => !p.Exited.IsCompleted).Select(p => p.Id)];

    /// <summary>With the name localhost: passkeys refuse IP addresses.</summary>
    public string Url(int number) => $"http://localhost:{ports.Console(number)}";

    public string LogOf(int number) => paths.Log($"console-{number}");

    /// <summary>Runs them until <paramref name="cancel"/>.</summary>
    public Task RunAsync(CancellationToken cancel) => Task.WhenAll(Enumerable.Range(0, Count).Select(n => RunOneAsync(n, cancel)));

    /// <summary>Waits until each says that it is healthy.</summary>
    /// <exception cref="SandboxException">One died repeatedly or did not come up in time; carries the end of its log.</exception>
    public async Task WaitReadyAsync(CancellationToken cancel)
    {
        using var client = new HttpClient { Timeout = TimeSpan.FromSeconds(5) };
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        deadline.CancelAfter(StartLimit);
        for (var number = 0; number < Count; number++)
        {
            while (!await IsHealthyAsync(client, number, deadline.Token))
            {
                if (Volatile.Read(ref _deaths) >= DeathsAllowedAtStart || deadline.IsCancellationRequested)
                {
                    cancel.ThrowIfCancellationRequested();
                    throw new SandboxException($"The console does not start. The end of {LogOf(number)}:\n{Tail(LogOf(number))}");
                }
                await Task.Delay(100, cancel);
            }
        }
    }

    private async Task RunOneAsync(int number, CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            var child = _processes[number] = supervisor.Start(Spec(number));
            await child.Exited.WaitAsync(cancel);
            Interlocked.Increment(ref _deaths);
            await Task.Delay(RestartDelay, cancel);
        }
    }

    private ChildSpec Spec(int number)
    {
        var environment = options.ConsoleSettings.ToDictionary(s => s.Key.Replace(":", "__", StringComparison.Ordinal), s => s.Value);
        environment["OPSCONSOLE_CONFIG"] = paths.FleetFile;
        environment["ASPNETCORE_URLS"] = Url(number);
        environment.TryAdd("ASPNETCORE_ENVIRONMENT", "Production");
        return new ChildSpec($"console-{number}", ["dotnet", Binary], Path.GetDirectoryName(Binary)!, Unprivileged: false, Environment: environment);
    }

    private string Binary => options.ConsoleBinary ?? Beside();

    // .../src/Console.Sandbox/bin/Release/net10.0/ -> .../src/Console.Web/bin/Release/net10.0/OpsConsole.Web.dll
    private static string Beside()
    {
        var here = new DirectoryInfo(AppContext.BaseDirectory);
        var root = here;
        while (root is not null && !File.Exists(Path.Combine(root.FullName, "OpsConsole.sln")))
        {
            root = root.Parent;
        }
        var binary = root is null ? "" : Path.Combine(root.FullName, "src", "Console.Web", "bin", here.Parent!.Name, here.Name, "OpsConsole.Web.dll");
        return File.Exists(binary) ? binary : throw new SandboxException($"The console is not built ({binary}). run.sh builds it; --console PATH names another one.");
    }

    private async Task<bool> IsHealthyAsync(HttpClient client, int number, CancellationToken cancel)
    {
        try
        {
            using var answer = await client.GetAsync($"{Url(number)}/healthz", cancel);
            return answer.IsSuccessStatusCode;
        }
        catch (Exception e) when (e is HttpRequestException or OperationCanceledException)
        {
            return false;
        }
    }

    private static string Tail(string log) => File.Exists(log) ? string.Join('\n', File.ReadLines(log).TakeLast(25)) : "(no log)";
}
