using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Health.Probing;

/// <summary>HE-1: database and cache 10 s interval, 5 s time-out, 5 failures; HTTP 30 s, 10 s, 3 failures; latency each 60 s (TR-4).</summary>
public readonly record struct ProbeDefaults(double IntervalSeconds, double TimeoutSeconds, int Failures)
{
    public static ProbeDefaults Of(ProbeKind probe, ServiceKind service) => probe switch
    {
        ProbeKind.Postgres or ProbeKind.Redis => new(10, 5, 5),
        ProbeKind.Tcp when service is ServiceKind.Database or ServiceKind.Cache => new(10, 5, 5),
        ProbeKind.Latency => new(60, 5, 3),
        _ => new(30, 10, 3),
    };
}
