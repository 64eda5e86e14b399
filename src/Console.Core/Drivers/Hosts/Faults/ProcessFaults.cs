using OpsConsole.Core.Chaos;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Drivers.Hosts.Faults;

/// <summary>A service's process, ended or held by commands of its region's shell: <c>PREFIX.kill</c>, <c>.stop</c>, <c>.start</c>, <c>.freeze</c>,
/// <c>.thaw</c>, and <c>.state</c>, which prints <c>running</c>, <c>frozen</c> or <c>gone</c>. They may use <c>{service}</c> and, for a database's node, <c>{data}</c>.</summary>
internal sealed class ProcessFaults(IHostShell shell, FleetModel fleet, ChaosOptions options, TimeProvider time) : IFaultInjector
{
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    public IReadOnlyList<string> Kinds { get; } = [FaultKinds.ProcessKill, FaultKinds.ProcessRestart, FaultKinds.ProcessFreeze, FaultKinds.ContainerRestart];

    public async Task<string?> UnavailableAsync(Fault fault, CancellationToken cancel)
    {
        if (!fleet.Services.TryGetValue(fault.Id, out var service)) return $"{fault.Target} is no service";
        if (PrefixOf(fault, service) is not { } prefix) return $"no host commands are known for a service of kind {service.Kind} (Chaos:Processes)";
        foreach (var verb in new[] { VerbOf(fault.Kind), BackOf(fault.Kind), "state" })
        {
            if (!shell.Offers(service.Region, $"{prefix}.{verb}")) return $"the shell of {service.Region} declares no command {prefix}.{verb}";
        }
        var state = await StateAsync(fault, cancel);
        return state == "running" ? null : $"{fault.Id} is {state}, not running";
    }

    public async Task InjectAsync(Fault fault, CancellationToken cancel)
    {
        var wanted = AwayOf(fault.Kind);
        if (await StateAsync(fault, cancel) == wanted) return;
        await RunAsync(fault, VerbOf(fault.Kind), cancel);
        await UntilAsync(fault, wanted, cancel);
    }

    public async Task<FaultReading> ReadAsync(Fault fault, CancellationToken cancel)
    {
        var state = await StateAsync(fault, cancel);
        return new FaultReading(state == "running" ? FaultPresence.Absent : state == AwayOf(fault.Kind) ? FaultPresence.Present : FaultPresence.Partial, $"{fault.Id} is {state}");
    }

    public async Task RevertAsync(Fault fault, CancellationToken cancel)
    {
        switch (await StateAsync(fault, cancel))
        {
            case "running": return;
            case "frozen": await RunAsync(fault, "thaw", cancel); break;
            default: await RunAsync(fault, "start", cancel); break;
        }
        await UntilAsync(fault, "running", cancel);
    }

    private async Task UntilAsync(Fault fault, string wanted, CancellationToken cancel)
    {
        var began = time.GetTimestamp();
        for (var state = await StateAsync(fault, cancel); state != wanted; state = await StateAsync(fault, cancel))
        {
            if (time.GetElapsedTime(began) > Settle) throw new FaultException($"{fault.Id} is {state} instead of {wanted} after {Settle.TotalSeconds} s.");
            await Task.Delay(Pause, time, cancel);
        }
    }

    private async Task<string> StateAsync(Fault fault, CancellationToken cancel)
    {
        var state = (await RunAsync(fault, "state", cancel)).Trim();
        return state is "running" or "frozen" or "gone" ? state : throw new FaultException($"The state of {fault.Id} was told as '{state}': running, frozen or gone is expected.");
    }

    private async Task<string> RunAsync(Fault fault, string verb, CancellationToken cancel)
    {
        var service = fleet.Services[fault.Id];
        var arguments = new Dictionary<string, string> { ["service"] = service.Id };
        if (fleet.Options.Clusters.SelectMany(c => c.Nodes).FirstOrDefault(n => n.Service == service.Id) is { } node) arguments["data"] = node.DataDirectory;
        return (await HostErrors.InWordsAsync(() => shell.RequireAsync(service.Region, $"{PrefixOf(fault, service)}.{verb}", arguments, null, cancel))).Output;
    }

    private string? PrefixOf(Fault fault, ServiceOptions service) => fault.Kind == FaultKinds.ContainerRestart ? "container" : options.ProcessOf(service.Kind);

    private static string VerbOf(string kind) => kind switch { FaultKinds.ProcessKill => "kill", FaultKinds.ProcessFreeze => "freeze", _ => "stop" };
    private static string BackOf(string kind) => kind == FaultKinds.ProcessFreeze ? "thaw" : "start";
    private static string AwayOf(string kind) => kind == FaultKinds.ProcessFreeze ? "frozen" : "gone";
}
