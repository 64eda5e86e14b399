using System.Globalization;
using OpsConsole.Core.Chaos;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Drivers.Hosts.Faults;

/// <summary>Pressure on a region's host by commands of its shell: <c>chaos.cpu</c>, <c>chaos.memory</c>, <c>chaos.disk</c> begin it
/// (<c>{tag} {seconds}</c> and <c>{percent}</c> or <c>{megabytes}</c>), <c>chaos.look</c> prints <c>processes=N memory=MB disk=MB marker=0|1</c>,
/// <c>chaos.revert</c> ends it and takes the marker away. What they start ends by itself after <c>{seconds}</c>.</summary>
internal sealed class HostFaults(IHostShell shell, FleetModel fleet, ChaosOptions options) : IFaultInjector
{
    public const string Look = "chaos.look";
    public const string Revert = "chaos.revert";
    /// <summary>Past the planned duration, so that the console's own clean-up comes first.</summary>
    private const double Spare = 60;
    private static readonly string[] Looked = ["processes", "memory", "disk", "marker"];

    public IReadOnlyList<string> Kinds { get; } = [FaultKinds.HostCpu, FaultKinds.HostMemory, FaultKinds.HostDisk];

    public async Task<string?> UnavailableAsync(Fault fault, CancellationToken cancel)
    {
        if (!fault.Target.StartsWith("region:", StringComparison.Ordinal) || !fleet.Regions.ContainsKey(fault.Id)) return $"{fault.Target} is no region";
        foreach (var command in new[] { CommandOf(fault), Look, Revert })
        {
            if (!shell.Offers(fault.Id, command)) return $"the shell of {fault.Id} declares no command {command}";
        }
        await LookAsync(fault, cancel);
        return null;
    }

    public Task InjectAsync(Fault fault, CancellationToken cancel) => HostErrors.InWordsAsync(() => shell.RequireAsync(fault.Id, CommandOf(fault), new Dictionary<string, string>
    {
        ["tag"] = fault.Tag,
        ["seconds"] = Whole(fault.DurationSeconds + Spare),
        ["percent"] = Whole(fault.IntensityPercent),
        ["megabytes"] = Whole(Megabytes(fault)),
    }, null, cancel));

    public async Task<FaultReading> ReadAsync(Fault fault, CancellationToken cancel)
    {
        var seen = await LookAsync(fault, cancel);
        var (there, measured) = fault.Kind switch
        {
            FaultKinds.HostCpu => (seen["processes"] > 0, $"{seen["processes"]} busy processes"),
            FaultKinds.HostMemory => (seen["memory"] >= 0.9 * Megabytes(fault), FormattableString.Invariant($"{seen["memory"]} of {Megabytes(fault)} MB held")),
            _ => (seen["disk"] >= Megabytes(fault), FormattableString.Invariant($"{seen["disk"]} of {Megabytes(fault)} MB filled")),
        };
        var nothing = seen.Values.All(v => v == 0);
        return new FaultReading(there ? FaultPresence.Present : nothing ? FaultPresence.Absent : FaultPresence.Partial, measured);
    }

    public Task RevertAsync(Fault fault, CancellationToken cancel) =>
        HostErrors.InWordsAsync(() => shell.RequireAsync(fault.Id, Revert, new Dictionary<string, string> { ["tag"] = fault.Tag }, null, cancel));

    private double Megabytes(Fault fault)
    {
        var most = fault.Kind == FaultKinds.HostDisk ? options.MaxDiskMegabytes : options.MaxMemoryMegabytes;
        return Math.Max(1, Math.Floor(Math.Min(most, fault.Number("megabytes", most * fault.IntensityPercent / 100))));
    }

    private async Task<Dictionary<string, long>> LookAsync(Fault fault, CancellationToken cancel)
    {
        var seen = await HostErrors.InWordsAsync(() => shell.RequireAsync(fault.Id, Look, new Dictionary<string, string> { ["tag"] = fault.Tag }, null, cancel));
        var values = seen.Output.Split([' ', '\n'], StringSplitOptions.RemoveEmptyEntries).Select(p => p.Split('=', 2)).Where(p => p.Length == 2)
            .ToDictionary(p => p[0], p => long.TryParse(p[1], NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : 0);
        return Looked.All(values.ContainsKey) ? values
            : throw new FaultException($"{Look} in {fault.Id} printed '{seen.Output.Trim()}' instead of processes, memory, disk and marker.");
    }

    private static string CommandOf(Fault fault) => fault.Kind switch
    {
        FaultKinds.HostCpu => "chaos.cpu",
        FaultKinds.HostMemory => "chaos.memory",
        _ => "chaos.disk",
    };

    private static string Whole(double value) => Math.Ceiling(value).ToString("0", CultureInfo.InvariantCulture);
}

/// <summary>What a shell says, as a fault's own words.</summary>
internal static class HostErrors
{
    public static async Task<T> InWordsAsync<T>(Func<Task<T>> work)
    {
        try
        {
            return await work();
        }
        catch (HostShellException failure)
        {
            throw new FaultException(failure.Message, failure);
        }
    }
}
