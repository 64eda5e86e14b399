using System.Net;
using System.Net.Sockets;
using OpsConsole.Sandbox.Backups;
using OpsConsole.Sandbox.Cache;
using OpsConsole.Sandbox.Consoles;
using OpsConsole.Sandbox.Customers;
using OpsConsole.Sandbox.Edge;
using OpsConsole.Sandbox.Hosts;
using OpsConsole.Sandbox.Layout;
using OpsConsole.Sandbox.Network;
using OpsConsole.Sandbox.Orders;
using OpsConsole.Sandbox.Postgres;
using OpsConsole.Sandbox.Processes;
using OpsConsole.Sandbox.Storage;

namespace OpsConsole.Sandbox;

/// <summary>Four regions of real parts on loopback, the edge, the network between them and the consoles. Started in the order of
/// dependency; disposing ends everything.</summary>
public sealed class EmbeddedFleet : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly List<Task> _running = [];
    private readonly TimeProvider _time;
    private readonly Action<string> _say;
    private WebApplication? _networkApi;
    private WebApplication? _storage;

    private EmbeddedFleet(SandboxOptions options, SandboxPaths paths, Supervisor supervisor, Action<string> say, TimeProvider time)
    {
        _say = say;
        _time = time;
        Options = options;
        Paths = paths;
        Supervisor = supervisor;
        Ports = new PortPlan(options.PortBase);
        Secrets = new SecretStore(paths.Secrets);
        Network = new SiteNetwork(time);
        Binaries = PostgresBinaries.Find();
        Cluster = new OrdersCluster(Binaries, supervisor, paths, Ports, Secrets, say);
        Consoles = new ConsoleProcesses(supervisor, paths, Ports, options);
        Customers = new CustomerTraffic(Ports, options.CustomersPerSecond, time);
    }

    public SandboxOptions Options { get; }
    public SandboxPaths Paths { get; }
    public PortPlan Ports { get; }
    public SecretStore Secrets { get; }
    public SiteNetwork Network { get; }
    public PostgresBinaries Binaries { get; }
    public OrdersCluster Cluster { get; }
    public ConsoleProcesses Consoles { get; }
    public CustomerTraffic Customers { get; }
    private Supervisor Supervisor { get; }

    /// <param name="say">Told what happens, a line at a time.</param>
    /// <exception cref="SandboxException">Something is missing or in the way; says what to do.</exception>
    public static async Task<EmbeddedFleet> StartAsync(SandboxOptions options, Action<string> say, TimeProvider time, CancellationToken cancel)
    {
        var user = RunUser.Find();
        var paths = await SandboxPaths.PrepareAsync(options.Directory, user, say);
        var supervisor = await Supervisor.StartAsync(paths, user, cancel);
        var fleet = new EmbeddedFleet(options, paths, supervisor, say, time);
        try
        {
            await fleet.StartPartsAsync(cancel);
            return fleet;
        }
        catch
        {
            await fleet.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await Task.WhenAll(_running);
        await Supervisor.DisposeAsync();
        await Network.DisposeAsync();
        foreach (var server in new[] { _networkApi, _storage }.OfType<WebApplication>())
        {
            await server.DisposeAsync();
        }
        _stop.Dispose();
    }

    private async Task StartPartsAsync(CancellationToken cancel)
    {
        CheckPorts();
        _say($"Starting four regions in {Paths.Root}, ports {Ports.Base} to {Ports.Base + PortPlan.Size - 1}, latency {(Options.Latency ? "as between AWS regions" : "off")}.");
        await Network.OpenAsync(Ports, Options.Latency);
        _networkApi = await ToxiproxyApi.StartAsync(Network, Ports.NetworkApi, cancel);

        var database = new ConsoleDatabase(Binaries, Supervisor, Paths, Ports, Secrets);
        Secrets.Put("console-owner.connection", database.OwnerConnectionString);
        Secrets.Put("console-app.connection", database.AppConnectionString);
        _storage = await S3Api.StartAsync(Paths, Ports, Secrets, _time, cancel);
        var balancer = new HaProxyServer(Supervisor, Paths, Ports);
        balancer.Start();
        new PgBouncerServer(Supervisor, Paths, Ports, Secrets).Start();
        var archive = new PgBackRestHosts(Supervisor, Paths, Ports, Secrets);
        archive.Configure();
        var shells = StartHostsAsync(cancel);
        await Task.WhenAll(database.StartAsync(cancel), Cluster.StartAsync(cancel), shells);
        foreach (var region in Sites.Regions)
        {
            new RedisServer(Supervisor, Paths, Ports, Secrets, region.Id).Start(Cluster.Primary);
        }
        await balancer.EnableWritesAsync(Cluster.Primary, cancel);
        Run(balancer.KeepStateAsync);
        Run(stop => archive.CreateStanzaAsync(Cluster.Primary, stop));
        _say($"The database's primary is in {Cluster.Primary}; three standbys stream from it.");

        new FleetFile(Paths, Ports, Secrets).Write(await shells);
        await Task.WhenAll(Customers.WaitOpenAsync(cancel), StartConsolesAsync(cancel));

        var endpoints = new EndpointsFile(Paths, Ports, Secrets, Cluster, Supervisor, Consoles);
        endpoints.Refresh();
        Run(endpoints.KeepAsync);
        Run(Customers.RunAsync);
    }

    private async Task StartConsolesAsync(CancellationToken cancel)
    {
        if (Consoles.Count == 0)
        {
            return;
        }
        _say($"Starting {(Consoles.Count == 1 ? "the console" : $"{Consoles.Count} consoles")}.");
        Run(Consoles.RunAsync);
        await Consoles.WaitReadyAsync(cancel);
        await new ConsoleUsers(Paths, Secrets, _time, _say).EnsureAsync(Consoles.Url(0), [.. Enumerable.Range(0, Consoles.Count).Select(Consoles.LogOf)], cancel);
    }

    private async Task<Dictionary<string, ShellAccess>> StartHostsAsync(CancellationToken cancel)
    {
        var key = await SshServer.ClientKeyAsync(Paths, cancel);
        var program = await OrdersProcess.ProgramAsync(Paths, Supervisor.User);
        var hosts = new Dictionary<string, ShellAccess>();
        await new PeerKeys(Supervisor, Paths, Ports).MakeAsync(cancel);
        foreach (var region in Sites.Regions.Select(r => r.Id))
        {
            var redis = new RedisServer(Supervisor, Paths, Ports, Secrets, region);
            var orders = new OrdersProcess(Supervisor, Paths, Ports, Secrets, program, region);
            orders.Start();
            var shell = new SshServer(Supervisor, Paths, Ports, key, region);
            await shell.StartAsync(cancel);
            var commands = HostCommands.For(Binaries, Paths, Ports, region, redis.Configuration, orders.Command);
            foreach (var (name, template) in BackupCommands.For(Binaries, Paths, region))
            {
                commands[name] = template;
            }
            hosts[region] = new ShellAccess(Supervisor.User.Name, key, shell.Fingerprint, commands);
        }
        return hosts;
    }

    private void Run(Func<CancellationToken, Task> work) => _running.Add(UntilStoppedAsync(work));

    private async Task UntilStoppedAsync(Func<CancellationToken, Task> work)
    {
        try
        {
            await work(_stop.Token);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            return; // as asked
        }
        catch (Exception e)
        {
            _say($"A part of the sandbox failed and is not started again: {e}");
        }
    }

    private void CheckPorts()
    {
        foreach (var port in Ports.Used(Options.Consoles))
        {
            using var probe = new TcpListener(IPAddress.Loopback, port);
            try
            {
                probe.Start();
            }
            catch (SocketException e)
            {
                throw new SandboxException($"Port {port} is taken ({e.Message}). Give another --port-base; {PortPlan.Size} ports from there must be free.", e);
            }
        }
    }
}
