using System.Globalization;
using OpsConsole.Core.Health.Probing.Net;

namespace OpsConsole.Core.Health.Probing.Kinds;

/// <summary>Redis: PING on a new connection, and at most each 5 s INFO (commands/s, memory, clients, replication). Response time:
/// connection, authentication and PING.</summary>
internal sealed class RedisProbe(ProbeSpec spec, Names names, TimeProvider time) : IProbe
{
    private static readonly TimeSpan InfoEvery = TimeSpan.FromSeconds(5);

    private readonly TcpTarget _target = TcpTarget.Parse(spec.Target, 6379);
    private long? _infoAt;

    public async ValueTask<ProbeResult> RunAsync(CancellationToken timeout)
    {
        var began = time.GetTimestamp();
        using var redis = await Resp.ConnectAsync(_target, spec.Options.Username, spec.Options.Password, names, timeout);
        await redis.CallAsync(timeout, "PING");
        var micros = ProbeResult.Micros(time.GetElapsedTime(began));
        if (_infoAt is { } at && time.GetElapsedTime(at) < InfoEvery)
            return new ProbeResult(ProbeOutcome.Success, micros);
        var gauges = Gauges(await redis.CallAsync(timeout, "INFO") ?? "");
        _infoAt = time.GetTimestamp();
        return new ProbeResult(ProbeOutcome.Success, micros, 0, null, gauges);
    }

    internal static List<KeyValuePair<string, double>> Gauges(string info)
    {
        var gauges = new List<KeyValuePair<string, double>>();
        foreach (var line in info.Split('\n', StringSplitOptions.TrimEntries))
        {
            var colon = line.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0 && Gauge(line[..colon]) is { } name && double.TryParse(line.AsSpan(colon + 1), CultureInfo.InvariantCulture, out var value) && value >= 0)
                gauges.Add(new(name, value));
        }
        return gauges;
    }

    private static string? Gauge(string field) => field switch
    {
        "instantaneous_ops_per_sec" => GaugeNames.Throughput,
        "connected_clients" => GaugeNames.Connections,
        "used_memory" => GaugeNames.MemoryBytes,
        "connected_slaves" => GaugeNames.ConnectedReplicas,
        "master_last_io_seconds_ago" => GaugeNames.ReplicaLagSeconds,
        _ => null,
    };
}
