using OpsConsole.Sandbox.Layout;
using OpsConsole.Sandbox.Postgres;
using OpsConsole.Sandbox.Processes;

namespace OpsConsole.Sandbox.Consoles;

/// <summary><c>endpoints.json</c>: where everything is for scripts and checks, replaced as a whole whenever a pid changes.</summary>
public sealed class EndpointsFile(SandboxPaths paths, PortPlan ports, SecretStore secrets, OrdersCluster cluster, Supervisor supervisor, ConsoleProcesses consoles)
{
    private static readonly TimeSpan LookInterval = TimeSpan.FromMilliseconds(250);

    private (string Postmasters, string Consoles) _written;

    /// <summary>Writes it when it has changed; new postmasters (started through a host's shell) end with the sandbox, too.</summary>
    public void Refresh()
    {
        var postmasters = cluster.Nodes.ToDictionary(n => n.Key, n => n.Value.Postmaster);
        var now = (string.Join(' ', postmasters.Values), string.Join(' ', consoles.Pids));
        if (now == _written)
        {
            return;
        }
        foreach (var pid in postmasters.Values.OfType<int>())
        {
            supervisor.Adopt(pid);
        }
        AtomicFile.WriteJson(paths.EndpointsFile, Content(postmasters));
        _written = now;
    }

    public async Task KeepAsync(CancellationToken cancel)
    {
        using var timer = new PeriodicTimer(LookInterval);
        while (await timer.WaitForNextTickAsync(cancel))
        {
            Refresh();
        }
    }

    private object Content(Dictionary<string, int?> postmasters) => new
    {
        console = consoles.Count > 0 ? consoles.Url(0) : null,
        consoles = Enumerable.Range(0, consoles.Count).Select(consoles.Url),
        consolePids = consoles.Pids,
        writeEndpoint = Uri(ports.PgBouncer),
        httpEndpoint = $"http://127.0.0.1:{ports.HttpFrontend}",
        networkApi = $"http://127.0.0.1:{ports.NetworkApi}",
        regions = Sites.Regions.ToDictionary(r => r.Id, r => new
        {
            database = Uri(ports.Postgres(r.Id)),
            api = $"http://127.0.0.1:{ports.Api(r.Id)}",
            dataDirectory = paths.PostgresData(r.Id),
            postmasterPid = postmasters[r.Id],
        }),
    };

    private string Uri(int port) => $"postgresql://{OrdersCluster.Application}:{secrets.Get("postgres-orders")}@127.0.0.1:{port}/{OrdersCluster.Database}";
}
