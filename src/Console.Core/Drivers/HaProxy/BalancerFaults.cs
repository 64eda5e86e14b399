using System.Net.Sockets;
using OpsConsole.Core.Chaos;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Drivers.HaProxy;

/// <summary>A load balancer that takes no connections: its frontends are stopped by the runtime API, and started again.</summary>
internal sealed class BalancerFaults(FleetModel fleet, ChaosOptions options) : IFaultInjector
{
    public IReadOnlyList<string> Kinds { get; } = [FaultKinds.BalancerDown];

    public async Task<string?> UnavailableAsync(Fault fault, CancellationToken cancel)
    {
        if (FrontendsOf(fault) is not { Count: > 0 } frontends) return $"no frontends of {fault.Id} may be closed (Chaos:Balancers)";
        var states = await StatesAsync(fault, cancel);
        return frontends.FirstOrDefault(f => states.GetValueOrDefault(f) != "OPEN") is { } other ? $"frontend {other} of {fault.Id} is {states.GetValueOrDefault(other, "not there")}" : null;
    }

    public Task InjectAsync(Fault fault, CancellationToken cancel) => SetAsync(fault, "disable", cancel);

    public async Task<FaultReading> ReadAsync(Fault fault, CancellationToken cancel)
    {
        var (frontends, states) = (FrontendsOf(fault), await StatesAsync(fault, cancel));
        return FaultReading.Of(frontends.Count(f => states.GetValueOrDefault(f) != "OPEN"), frontends.Count, "frontends closed");
    }

    public Task RevertAsync(Fault fault, CancellationToken cancel) => SetAsync(fault, "enable", cancel);

    private List<string> FrontendsOf(Fault fault) => options.Balancers.FirstOrDefault(b => b.Manager == fault.Id)?.Frontends ?? [];

    private async Task SetAsync(Fault fault, string verb, CancellationToken cancel) =>
        await RunAsync(fault, string.Join("; ", FrontendsOf(fault).Select(f => $"{verb} frontend {f}")), cancel);

    private async Task<Dictionary<string, string>> StatesAsync(Fault fault, CancellationToken cancel)
    {
        var lines = (await RunAsync(fault, "show stat", cancel)).Split('\n');
        var head = Array.Find(lines, l => l.StartsWith("# pxname", StringComparison.Ordinal)) ?? throw new FaultException($"{fault.Id} did not answer with statistics.");
        var status = Array.IndexOf(head[2..].Split(','), "status");
        return lines.Select(l => l.Split(',')).Where(f => f.Length > status && f[1] == "FRONTEND").ToDictionary(f => f[0], f => f[status]);
    }

    private async Task<string> RunAsync(Fault fault, string commands, CancellationToken cancel)
    {
        var manager = fleet.Options.TrafficManagers.FirstOrDefault(m => m.Id == fault.Id && m.Kind == TrafficManagerKind.HaProxy)
            ?? throw new FaultException($"{fault.Target} is no HAProxy.");
        try
        {
            return await new HaProxyRuntime(manager.Address).RunAsync(commands, cancel);
        }
        catch (Exception e) when (e is SocketException or IOException)
        {
            throw new FaultException($"The runtime API of {fault.Id} does not answer: {e.Message}", e);
        }
    }
}
