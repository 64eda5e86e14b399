using System.Collections.Immutable;
using OpsConsole.Core.Chaos;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Tests.Fleet;
using OpsConsole.Core.Tests.Live;

namespace OpsConsole.Core.Tests.Chaos;

public sealed class TargetResolverTests
{
    private static readonly NetworkLink[] Links =
    [
        new("us-east-1", "us-west-2", "postgres"), new("us-west-2", "us-east-1", "postgres"), new("eu-west-1", "us-east-1", "postgres"), new("eu-west-1", "us-east-1", "redis"), new("edge", "us-west-2", "api"),
    ];

    [Fact]
    public async Task Resolve_HalfOfTheLinksFromStandbys_RoundsUpAndTakesTheLeastImportantFirst()
    {
        var found = await Resolver("us-east-1").ResolveAsync(new TargetRule(TargetPool.Link, From: "standby", To: "primary", Service: "postgres", Count: "40%"), default);

        Assert.Equal(2, found.Pool.Count);
        Assert.Equal(["link:eu-west-1>us-east-1/postgres"], found.Chosen);
        Assert.Equal("1 of 2 postgres links from standby to primary", found.Words);
    }

    [Fact]
    public async Task Resolve_AfterTheRolesHaveChanged_FollowsThem()
    {
        var found = await Resolver("us-west-2").ResolveAsync(new TargetRule(TargetPool.Standby, Count: "all"), default);

        Assert.Equal(["service:eu-west-1-db", "service:us-east-1-db"], found.Chosen);
    }

    [Fact]
    public async Task Resolve_PrimaryUnknown_IsRefused()
    {
        var refused = await Assert.ThrowsAsync<RequestRefusedException>(() => Resolver(null).ResolveAsync(new TargetRule(TargetPool.Primary), default));

        Assert.Equal("primaryUnknown", refused.Rule);
    }

    [Fact]
    public async Task Resolve_AllowList_LeavesOutWhatIsNotOnIt()
    {
        var found = await Resolver("us-east-1", "region:us-west-2").ResolveAsync(new TargetRule(TargetPool.Standby, Count: "all"), default);

        Assert.Equal(2, found.Pool.Count);
        Assert.Equal(["service:us-west-2-db"], found.Chosen);
    }

    [Theory]
    [InlineData("*", "region:us-east-1", true)]
    [InlineData("service:*", "service:us-east-1-db", true)]
    [InlineData("service:*", "region:us-east-1", false)]
    [InlineData("service:*-orders", "service:us-east-1-db", false)]
    [InlineData("region:us-east-1", "service:us-east-1-db", true)]
    [InlineData("region:us-west-2", "service:us-east-1-db", false)]
    [InlineData("region:us-east-1", "link:us-east-1>us-west-2/postgres", false)]
    [InlineData("region:us-east-1", "cluster:orders", false)]
    [InlineData("link:*>us-east-1/*", "link:us-west-2>us-east-1/postgres", true)]
    public void Allows_Patterns_AsWritten(string entry, string target, bool allowed) => Assert.Equal(allowed, Resolver("us-east-1", entry).Allows(target));

    [Fact]
    public void Allows_WithoutAList_EverythingInDevelopmentAndNothingElsewhere()
    {
        Assert.True(Resolver("us-east-1", null!).Allows("region:us-east-1"));
        Assert.False(new TargetResolver(Model(FleetEnvironment.Staging), new StillFeed(FleetSnapshot.Empty), new Map(), new ChaosOptions()).Allows("region:us-east-1"));
    }

    private static TargetResolver Resolver(string? primary, string? entry = "*") =>
        new(Model(FleetEnvironment.Development), new StillFeed(Picture(primary)), new Map(), new ChaosOptions { AllowList = entry is null ? null : [entry] });

    private static FleetModel Model(FleetEnvironment environment)
    {
        var options = OpsConsole.Core.Fleet.Configuration.FleetConfiguration.Read(BentFleet.Configuration()).Options;
        options.Environment = environment;
        return new FleetModel(options);
    }

    private static FleetSnapshot Picture(string? primary) => FleetSnapshot.Empty with
    {
        Clusters = FleetSnapshot.Empty.Clusters.Add("orders", new ClusterState("orders", HealthStatus.Healthy, primary, 1, true, null, null, null, null, "", null, [], [], [], "", 1)),
    };

    private sealed class Map : INetworkMap
    {
        public Task<IReadOnlyList<NetworkLink>> LinksAsync(CancellationToken cancel) => Task.FromResult<IReadOnlyList<NetworkLink>>(Links);
    }
}
