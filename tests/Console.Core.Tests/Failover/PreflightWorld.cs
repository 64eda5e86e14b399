using OpsConsole.Core.Failover;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Tests.Failover;

/// <summary>A fleet of four regions in which everything is well: tests spoil one thing.</summary>
internal static class PreflightWorld
{
    public static readonly DateTimeOffset Now = new(2026, 11, 23, 3, 0, 0, TimeSpan.Zero);
    public static readonly string[] Regions = ["us", "west", "eu", "ap"];

    public static FleetModel Fleet(Action<FleetOptions>? change = null)
    {
        var options = new FleetOptions
        {
            Regions = [.. Regions.Select((r, i) => new RegionOptions { Id = r, Priority = i + 1, CapacityRps = 100, ComplianceZones = [r == "eu" ? "EU" : "US"] })],
            Services = [.. Regions.SelectMany(r => new[] { new ServiceOptions { Id = $"{r}-db", Region = r, Kind = ServiceKind.Database }, new ServiceOptions { Id = $"{r}-api", Region = r, Kind = ServiceKind.Api, DependsOn = [$"{r}-db"] } })],
            Clusters = [new ClusterOptions { Id = "orders", SynchronousStandbys = 2, PrimaryRegion = "us", Nodes = [.. Regions.Select(r => new ClusterNodeOptions { Region = r, Service = $"{r}-db" })] }],
        };
        change?.Invoke(options);
        return new FleetModel(options);
    }

    public static FleetSnapshot Picture(Func<ClusterState, ClusterState>? cluster = null, Func<RegionState, RegionState>? region = null, Func<LinkState, LinkState>? link = null)
    {
        var state = new ClusterState("orders", HealthStatus.Healthy, "us", 1, true, Now, 100, 0.1, 2, "measured", null,
            [.. Regions.Select(r => new ClusterNodeState(r, r == "us" ? NodeRole.Primary : NodeRole.Standby, true, 1, "0/3000", r == "us" ? null : "streaming", Now, Now, null))], [], [], "", 1);
        var picture = FleetSnapshot.Empty with { Epoch = 1, Sequence = 1, At = Now };
        picture = picture with { Clusters = picture.Clusters.SetItem("orders", cluster?.Invoke(state) ?? state) };
        foreach (var r in Regions)
        {
            var seen = new RegionState(r, RegionRole.Secondary, HealthStatus.Healthy, 100, 25, Now, Now, "all available", 1);
            picture = picture with { Regions = picture.Regions.SetItem(r, region?.Invoke(seen) ?? seen) };
            if (r == "us") continue;
            var lag = new LinkState("orders", "us", r, HealthStatus.Healthy, "streaming", "quorum", 0, 0.05, 0.1, 10, Now, "", 1);
            picture = picture with { Links = picture.Links.SetItem(lag.Key, link?.Invoke(lag) ?? lag) };
        }
        return picture;
    }

    public static PreflightFacts Facts(FleetSnapshot? picture = null, FleetModel? fleet = null) => new(fleet ?? Fleet(), picture ?? Picture(), Now, 300)
    { LoadRps = 40, NewestBackupAt = Now.AddHours(-2), ClockSkewSeconds = 0.01 };

    public static FailoverRequest Request(bool planned = true, string source = "us", string target = "west", params string[] overrides) =>
        new("orders", source, target, FailoverStrategy.Immediate, planned, FailoverScope.Full, [], overrides);

    /// <summary>The node of one region, changed.</summary>
    public static Func<ClusterState, ClusterState> Node(string region, Func<ClusterNodeState, ClusterNodeState> change) =>
        state => state with { Nodes = [.. state.Nodes.Select(n => n.Region == region ? change(n) : n)] };
}
