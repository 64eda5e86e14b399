using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health.Probing.Kinds;
using OpsConsole.Core.Health.Probing.Net;

namespace OpsConsole.Core.Health.Probing;

/// <summary>The shipped kinds of probes.</summary>
public sealed class ProbeFactory(FleetModel fleet, Names names, IHostShell shell, TimeProvider time) : IProbeFactory
{
    public IProbe Create(ProbeSpec spec) => spec.Kind switch
    {
        ProbeKind.Http => new HttpProbe(spec, names, time),
        ProbeKind.Tcp => Tcp(spec),
        ProbeKind.Postgres => new PostgresProbe(spec, names, time),
        ProbeKind.Redis => new RedisProbe(spec, names, time),
        ProbeKind.Queue => new QueueProbe(spec, names, time),
        ProbeKind.Dns => new DnsProbe(spec, names, time),
        ProbeKind.Latency => new LatencyProbe(Endpoint(spec.Target), names, time, spec.Timeout),
        ProbeKind.Host => new HostProbe(fleet.Services[spec.Service].Region, spec, shell, time),
        ProbeKind.External => IsHttp(spec.Target) ? new HttpProbe(spec, names, time) : Tcp(spec),
        ProbeKind.Journey => new JourneyProbe(spec, names, time),
        _ => throw new InvalidOperationException($"Probe {spec.Key} is of an unknown kind."),
    };

    private TcpProbe Tcp(ProbeSpec spec) => new(Endpoint(spec.Target), names, time);

    private static bool IsHttp(string target) => target.StartsWith("http://", StringComparison.OrdinalIgnoreCase) || target.StartsWith("https://", StringComparison.OrdinalIgnoreCase);

    private static TcpTarget Endpoint(string target)
    {
        if (!target.Contains("://", StringComparison.Ordinal))
            return TcpTarget.Parse(target);
        var url = new Uri(target);
        return new TcpTarget(url.DnsSafeHost, url.Port);
    }
}
