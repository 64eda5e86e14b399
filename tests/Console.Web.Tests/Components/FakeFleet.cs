using System.Collections.Immutable;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;

namespace OpsConsole.Web.Tests.Components;

/// <summary>Two regions with a database and an API each, one cluster, one link; pictures are made by hand and published on the real feed.</summary>
internal sealed class FakeFleet
{
    public static readonly DateTimeOffset Start = new(2026, 11, 23, 3, 0, 0, TimeSpan.Zero);

    public FleetFeed Feed { get; } = new();
    public FleetModel Model { get; } = Declare();

    public FleetSnapshot Picture => Feed.Current;

    public static FleetModel Declare()
    {
        var options = new FleetOptions { Name = "shop", Environment = FleetEnvironment.Staging };
        foreach (var (id, role, priority, longitude) in new[] { ("east", RegionRole.Primary, 1, -77.0), ("west", RegionRole.Secondary, 2, -120.0) })
        {
            options.Regions.Add(new RegionOptions { Id = id, Name = id, CloudRegion = id, Role = role, Priority = priority, CapacityRps = 100, Latitude = 40, Longitude = longitude, ComplianceZones = ["US"] });
            options.Services.Add(new ServiceOptions { Id = $"{id}-db", Region = id, Kind = ServiceKind.Database, Tier = ServiceTier.Critical });
            options.Services.Add(new ServiceOptions { Id = $"{id}-api", Region = id, Kind = ServiceKind.Api, Tier = ServiceTier.High, DependsOn = [$"{id}-db"] });
        }
        options.Clusters.Add(new ClusterOptions
        {
            Id = "orders", PrimaryRegion = "east", SynchronousStandbys = 1,
            Nodes = [new ClusterNodeOptions { Region = "east", Service = "east-db" }, new ClusterNodeOptions { Region = "west", Service = "west-db" }],
        });
        return new FleetModel(options);
    }

    /// <summary>Everything is healthy and seen at <see cref="Start"/>.</summary>
    public void PublishHealthy()
    {
        var entities = new List<ILiveEntity>();
        entities.AddRange(Model.Options.Regions.Select(r => new RegionState(r.Id, r.Role, HealthStatus.Healthy, 100, 50, Start, Start, "2 of 2 services available", 1)));
        entities.AddRange(Model.Options.Services.Select(s => Service(s, HealthStatus.Healthy, 1)));
        entities.Add(new ClusterState("orders", HealthStatus.Healthy, "east", 1, true, Start, 100, 0.2, null, "not yet known", null,
            [new ClusterNodeState("east", NodeRole.Primary, true, 1, "0/3000", null, null, Start, null), new ClusterNodeState("west", NodeRole.Standby, true, 1, "0/2F00", "streaming", Start, Start, null)],
            [], [], "writes are acknowledged", 1));
        entities.Add(new LinkState("orders", "east", "west", HealthStatus.Healthy, "streaming", "sync", 256, 0.05, 0.12, 1000, Start, "", 1));
        Publish(HealthStatus.Healthy, [.. entities]);
    }

    public void PublishService(string id, HealthStatus status)
    {
        var old = Picture.Services[id];
        Publish(Picture.Overall, old with { Status = status, Version = old.Version + 1 });
    }

    public void PublishRegion(string id, HealthStatus status, string reason)
    {
        var old = Picture.Regions[id];
        Publish(status, old with { Status = status, Reason = reason, Version = old.Version + 1 });
    }

    public void PublishLink(Func<LinkState, LinkState> change)
    {
        var old = Picture.Links.Values.Single();
        Publish(Picture.Overall, change(old) with { Version = old.Version + 1 });
    }

    public void Publish(HealthStatus overall, params ILiveEntity[] changed)
    {
        var picture = Picture with { Epoch = 1, Sequence = Picture.Sequence + 1, At = Start + TimeSpan.FromSeconds(Picture.Sequence), Overall = overall };
        foreach (var entity in changed)
            picture = entity switch
            {
                RegionState region => picture with { Regions = picture.Regions.SetItem(region.Key, region) },
                ServiceState service => picture with { Services = picture.Services.SetItem(service.Key, service) },
                ClusterState cluster => picture with { Clusters = picture.Clusters.SetItem(cluster.Key, cluster) },
                LinkState link => picture with { Links = picture.Links.SetItem(link.Key, link) },
                _ => throw new ArgumentOutOfRangeException(nameof(changed), entity, "not used by these tests"),
            };
        Feed.Publish(picture, new ChangeBatch(1, picture.Sequence, picture.At, overall, [.. changed]));
    }

    private static ServiceState Service(ServiceOptions s, HealthStatus status, int version) => new(
        s.Id, s.Region, s.Kind, s.Tier, status, 12, 30, 45, 0, 0, 0, 20, 100, Start, Start, "answers", [], ImmutableSortedDictionary<string, double>.Empty, CircuitState.Closed, version);
}
