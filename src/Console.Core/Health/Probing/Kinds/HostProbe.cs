using System.Globalization;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Health.Probing.Kinds;

/// <summary>Host resources through the region's shell: command <c>host.metrics</c> with argument <c>mount</c> (the probe's Resource, else
/// <c>/</c>). It prints <c>name value</c> lines: cpuTotal and cpuIdle (ever-growing ticks), memTotalBytes, memAvailableBytes,
/// diskTotalBytes, diskUsedBytes, netBytes (ever-growing). Rates are those since the last look. Response time: the whole command.</summary>
internal sealed class HostProbe(string region, ProbeSpec spec, IHostShell shell, TimeProvider time) : IProbe
{
    public const string Command = "host.metrics";

    private readonly Dictionary<string, string> _arguments = new() { ["mount"] = spec.Options.Resource.Length > 0 ? spec.Options.Resource : "/" };
    private (long At, Dictionary<string, double> Values)? _last;

    public async ValueTask<ProbeResult> RunAsync(CancellationToken timeout)
    {
        var began = time.GetTimestamp();
        var result = await shell.RunAsync(region, Command, _arguments, null, timeout);
        var elapsed = time.GetElapsedTime(began);
        if (result.ExitCode != 0)
            return ProbeResult.Failed($"host.metrics ended with {result.ExitCode}: {FirstLine(result.Error)}", elapsed);
        var values = Parse(result.Output);
        if (values.Count == 0)
            return ProbeResult.Failed("host.metrics printed no figures", elapsed);
        var gauges = Gauges(values);
        _last = (time.GetTimestamp(), values);
        return new ProbeResult(ProbeOutcome.Success, ProbeResult.Micros(elapsed), 0, null, gauges);
    }

    internal static Dictionary<string, double> Parse(string output)
    {
        var values = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach (var line in output.Split('\n', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries))
            if (line.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) is [var name, var text] && double.TryParse(text, CultureInfo.InvariantCulture, out var value))
                values[name] = value;
        return values;
    }

    private List<KeyValuePair<string, double>> Gauges(Dictionary<string, double> now)
    {
        var gauges = new List<KeyValuePair<string, double>>();
        if (now.TryGetValue("memTotalBytes", out var memory) && memory > 0 && now.TryGetValue("memAvailableBytes", out var available))
            Add(GaugeNames.MemoryPercent, 100 - available * 100 / memory);
        if (now.TryGetValue("diskTotalBytes", out var disk) && disk > 0 && now.TryGetValue("diskUsedBytes", out var used))
            Add(GaugeNames.DiskPercent, used * 100 / disk);
        if (_last is not { } last)
            return gauges;
        if (Growth("cpuTotal") is { } total and > 0 && Growth("cpuIdle") is { } idle)
            Add(GaugeNames.CpuPercent, Math.Clamp(100 - idle * 100 / total, 0, 100));
        if (Growth("netBytes") is { } bytes and >= 0)
            Add(GaugeNames.NetworkBytesPerSecond, bytes / time.GetElapsedTime(last.At).TotalSeconds);
        return gauges;

        void Add(string name, double value) => gauges.Add(new(name, Math.Round(value, 2)));

        double? Growth(string name) => now.TryGetValue(name, out var value) && last.Values.TryGetValue(name, out var before) ? value - before : null;
    }

    private static string FirstLine(string text) => text.Split('\n')[0].Trim();
}
