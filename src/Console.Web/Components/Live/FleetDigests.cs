using System.Collections.Frozen;
using OpsConsole.Core.Live;

namespace OpsConsole.Web.Components.Live;

/// <summary>How many have which status; what every percentage is shown with.</summary>
public readonly record struct StatusCounts(int Healthy, int Degraded, int Critical, int Failed, int Unknown)
{
    public int Total => Healthy + Degraded + Critical + Failed + Unknown;

    public int Of(HealthStatus status) => status switch
    {
        HealthStatus.Healthy => Healthy,
        HealthStatus.Degraded => Degraded,
        HealthStatus.Critical => Critical,
        HealthStatus.Failed => Failed,
        _ => Unknown,
    };

    public StatusCounts Plus(HealthStatus status) => status switch
    {
        HealthStatus.Healthy => this with { Healthy = Healthy + 1 },
        HealthStatus.Degraded => this with { Degraded = Degraded + 1 },
        HealthStatus.Critical => this with { Critical = Critical + 1 },
        HealthStatus.Failed => this with { Failed = Failed + 1 },
        _ => this with { Unknown = Unknown + 1 },
    };
}

/// <summary>Counts over one picture.</summary>
public sealed class FleetDigest
{
    private readonly FrozenDictionary<string, StatusCounts> _services;

    public FleetDigest(FleetSnapshot picture)
    {
        var byRegion = new Dictionary<string, StatusCounts>();
        foreach (var service in picture.Services.Values)
        {
            byRegion[service.Region] = byRegion.GetValueOrDefault(service.Region).Plus(service.Status);
            Services = Services.Plus(service.Status);
        }
        foreach (var region in picture.Regions.Values) Regions = Regions.Plus(region.Status);
        _services = byRegion.ToFrozenDictionary();
    }

    public StatusCounts Services { get; }
    public StatusCounts Regions { get; }

    public StatusCounts ServicesOf(string region) => _services.GetValueOrDefault(region);
}

/// <summary>Counts the newest picture once, whoever asks first, for all viewers.</summary>
public sealed class FleetDigests
{
    private Tuple<FleetSnapshot, FleetDigest>? _newest;

    public FleetDigest Of(FleetSnapshot picture)
    {
        if (_newest is { } newest && ReferenceEquals(newest.Item1, picture)) return newest.Item2;
        var digest = new FleetDigest(picture);
        _newest = Tuple.Create(picture, digest);
        return digest;
    }
}
