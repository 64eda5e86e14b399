using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using OpsConsole.Sandbox.Layout;

namespace OpsConsole.Sandbox.Network;

/// <summary>All ways between the sites, by name.</summary>
public sealed class SiteNetwork(TimeProvider time) : IAsyncDisposable
{
    public ConcurrentDictionary<string, LinkProxy> Proxies { get; } = [];

    public TimeProvider Time => time;

    public async Task OpenAsync(PortPlan ports, bool latency)
    {
        foreach (var link in ports.Links)
        {
            await AddAsync(link.Name, Loopback(link.Port), Loopback(link.TargetPort), latency ? Sites.OneWay(link.From, link.To) : TimeSpan.Zero, enabled: true);
        }
    }

    /// <summary>False when the name is taken.</summary>
    public async Task<bool> AddAsync(string name, IPEndPoint listen, IPEndPoint upstream, TimeSpan delay, bool enabled)
    {
        var proxy = new LinkProxy(name, listen, upstream, delay, time);
        if (!Proxies.TryAdd(name, proxy))
        {
            return false;
        }
        try
        {
            await proxy.SetEnabledAsync(enabled);
        }
        catch (SocketException)
        {
            Proxies.TryRemove(name, out _);
            throw;
        }
        return true;
    }

    /// <summary>The proxies from one site to another.</summary>
    public IEnumerable<LinkProxy> Between(string from, string to) =>
        Proxies.Values.Where(p => p.Name.StartsWith($"{from}.{to}.", StringComparison.Ordinal));

    /// <summary>Cuts or mends everything that <paramref name="from"/> opens towards <paramref name="to"/>.</summary>
    public Task SetPairAsync(string from, string to, bool enabled) => Task.WhenAll(Between(from, to).Select(p => p.SetEnabledAsync(enabled)));

    public async ValueTask DisposeAsync()
    {
        foreach (var proxy in Proxies.Values)
        {
            await proxy.DisposeAsync();
        }
    }

    private static IPEndPoint Loopback(int port) => new(IPAddress.Loopback, port);
}
