using System.Net.Sockets;
using System.Text;
using OpsConsole.Sandbox.Layout;
using OpsConsole.Sandbox.Processes;

namespace OpsConsole.Sandbox.Edge;

/// <summary>The edge's load balancer: HTTP to the regions' APIs by weight, and the write endpoint to the one database node that is
/// enabled. All write servers start disabled, so that a restarted HAProxy never leads writes to a former primary.</summary>
public sealed class HaProxyServer(Supervisor supervisor, SandboxPaths paths, PortPlan ports)
{
    public const string HttpBackend = "orders_http";
    public const string WriteBackend = "orders_write";

    private string Configuration => Path.Combine(paths.Site(Sites.Edge), "haproxy.cfg");
    private string StateFile => Path.Combine(paths.Site(Sites.Edge), "haproxy.state");

    public void Start()
    {
        var http = Sites.Regions.Select(r => $"    server {r.Id} {ports.AddressVia(Sites.Edge, r.Id, Services.Api)} weight {r.TrafficWeight} check inter 1s fall 3 rise 2");
        var write = Sites.Regions.Select(r => $"    server {r.Id} {ports.AddressVia(Sites.Edge, r.Id, Services.Postgres)} disabled");
        supervisor.User.Write(Configuration, $"""
            global
                stats socket ipv4@127.0.0.1:{ports.HaProxyRuntime} level admin
                stats timeout 1h
                server-state-file {StateFile}
                maxconn 4000
                nbthread 1
                log stdout format raw daemon notice

            defaults
                log global
                timeout connect 3s
                timeout client 30s
                timeout server 30s
                retries 0

            frontend http
                mode http
                bind 127.0.0.1:{ports.HttpFrontend}
                option forwardfor if-none
                default_backend {HttpBackend}

            backend {HttpBackend}
                mode http
                balance roundrobin
                option httpchk GET /health
                timeout check 5s
            {string.Join('\n', http)}

            frontend write
                mode tcp
                bind 127.0.0.1:{ports.WriteFrontend}
                timeout client 1h
                default_backend {WriteBackend}

            backend {WriteBackend}
                mode tcp
                balance roundrobin
                timeout server 1h
                option tcpka
            {string.Join('\n', write)}
            """ + "\n");
        supervisor.Start(new ChildSpec("edge-haproxy", ["haproxy", "-W", "-db", "-f", Configuration], paths.Site(Sites.Edge), StopSignal: Signal.Interrupt));
    }

    /// <summary>Waits until the runtime API answers, then leads writes to one region.</summary>
    public async Task EnableWritesAsync(string region, CancellationToken cancel)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        deadline.CancelAfter(TimeSpan.FromSeconds(15));
        while (true)
        {
            try
            {
                await RuntimeAsync($"set server {WriteBackend}/{region} state ready", deadline.Token);
                return;
            }
            catch (SocketException) when (!deadline.IsCancellationRequested)
            {
                await Task.Delay(50, deadline.Token);
            }
            catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
            {
                throw new SandboxException("HAProxy's runtime API does not answer; see edge-haproxy.log.", e);
            }
        }
    }

    /// <summary>Keeps the server-state file fresh, as an operator's timer does, so that a reload keeps what was set at run time.</summary>
    public async Task KeepStateAsync(CancellationToken cancel)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(1));
        var last = "";
        while (await timer.WaitForNextTickAsync(cancel))
        {
            try
            {
                var state = await RuntimeAsync("show servers state", cancel);
                if (state.Length > 0 && state != last)
                {
                    supervisor.User.Write(StateFile, last = state);
                }
            }
            catch (Exception e) when (e is SocketException or IOException)
            {
                last = ""; // HAProxy is down, as in an experiment; its last state stays in the file
            }
        }
    }

    private async Task<string> RuntimeAsync(string command, CancellationToken cancel)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", ports.HaProxyRuntime, cancel);
        await using var stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes(command + "\n"), cancel);
        using var reader = new StreamReader(stream);
        return await reader.ReadToEndAsync(cancel);
    }
}
