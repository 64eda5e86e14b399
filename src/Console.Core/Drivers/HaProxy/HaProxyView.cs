using System.Net.Sockets;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Traffic;

namespace OpsConsole.Core.Drivers.HaProxy;

public sealed class HaProxyDriver : ITrafficDriver
{
    public bool Serves(TrafficManagerKind kind) => kind == TrafficManagerKind.HaProxy;

    public ITrafficView View(TrafficManagerOptions manager) => new HaProxyView(manager);
}

internal sealed class HaProxyView(TrafficManagerOptions manager) : ITrafficView
{
    public async Task<TrafficReading> ReadAsync(CancellationToken cancel)
    {
        try
        {
            return Read(manager, await new HaProxyRuntime(manager.Address).ReadAsync(cancel));
        }
        catch (Exception e) when (e is SocketException or IOException or InvalidOperationException)
        {
            throw new TrafficManagerException($"HAProxy at {manager.Address}: {e.Message}", e);
        }
    }

    internal static TrafficReading Read(TrafficManagerOptions manager, IReadOnlyList<HaProxyServer> servers)
    {
        var http = servers.Where(s => s.Backend == manager.HttpBackend && manager.Servers.ContainsKey(s.Server)).ToList();
        var write = servers.Where(s => s.Backend == manager.WriteBackend && s.Serves).ToList();
        var counters = http.GroupBy(s => manager.Servers[s.Server]).ToDictionary(g => g.Key, g => new RegionCounters(g.Key, g.Sum(s => s.Requests), g.Sum(s => s.Errors)));
        List<(HealthStatus Status, string Text)> parts = [];
        if (manager.HttpBackend.Length > 0)
            parts.Add(Http(manager.HttpBackend, http));
        if (manager.WriteBackend.Length > 0)
            parts.Add(Write(write));
        return new TrafficReading(parts.Select(p => p.Status).DefaultIfEmpty(HealthStatus.Unknown).Max(), string.Join("; ", parts.Select(p => p.Text)), counters);
    }

    private static (HealthStatus, string) Http(string backend, List<HaProxyServer> servers)
    {
        if (servers.Count == 0)
            return (HealthStatus.Failed, $"no backend {backend} with the declared servers");
        var wanted = servers.Count(s => !s.InMaintenance);
        var up = servers.Count(s => s.Serves);
        return (up == 0 ? HealthStatus.Failed : up < wanted ? HealthStatus.Degraded : HealthStatus.Healthy, $"HTTP: {up} of {servers.Count} servers up");
    }

    private static (HealthStatus, string) Write(List<HaProxyServer> up) => up.Count switch
    {
        0 => (HealthStatus.Failed, "writes: no server"),
        1 => (HealthStatus.Healthy, $"writes: {up[0].Server}"),
        _ => (HealthStatus.Critical, $"writes: {string.Join(" and ", up.Select(s => s.Server))} at once"),
    };
}
