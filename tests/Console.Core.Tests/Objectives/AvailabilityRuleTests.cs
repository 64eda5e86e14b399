using System.Collections.Immutable;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Objectives;

namespace OpsConsole.Core.Tests.Objectives;

public sealed class AvailabilityRuleTests
{
    [Theory]
    [InlineData(true, HealthStatus.Healthy, HealthStatus.Failed, true, true, true)]
    [InlineData(true, HealthStatus.Failed, HealthStatus.Failed, true, false, false)]
    [InlineData(false, HealthStatus.Healthy, HealthStatus.Healthy, false, true, false)]
    [InlineData(true, HealthStatus.Failed, HealthStatus.Unknown, true, null, null)]
    [InlineData(true, HealthStatus.Degraded, HealthStatus.Unknown, true, true, true)]
    [InlineData(false, HealthStatus.Unknown, HealthStatus.Unknown, false, null, false)]
    public void Of_ClusterAndTwoApis(bool writes, HealthStatus first, HealthStatus second, bool? database, bool? application, bool? system)
    {
        var picture = FleetSnapshot.Empty with
        {
            Clusters = ImmutableSortedDictionary<string, ClusterState>.Empty.Add("orders", Cluster(writes, HealthStatus.Healthy)),
            Services = ImmutableSortedDictionary<string, ServiceState>.Empty.Add("a", Api("a", first)).Add("b", Api("b", second)),
        };

        var up = AvailabilityRule.Of(picture);

        Assert.Equal((database, application, system), (up[AvailabilityRule.Database], up[AvailabilityRule.Application], up[AvailabilityRule.System]));
    }

    [Theory]
    [InlineData(HealthStatus.Healthy, true)]
    [InlineData(HealthStatus.Critical, false)]
    [InlineData(HealthStatus.Unknown, null)]
    public void Of_HeartbeatsOff_StatusDecides(HealthStatus status, bool? expected)
    {
        var picture = FleetSnapshot.Empty with { Clusters = ImmutableSortedDictionary<string, ClusterState>.Empty.Add("orders", Cluster(null, status)) };

        Assert.Equal(expected, AvailabilityRule.Of(picture)[AvailabilityRule.Database]);
    }

    [Fact]
    public void Of_NothingObserved_Unknown() => Assert.All(AvailabilityRule.Of(FleetSnapshot.Empty).Values, up => Assert.Null(up));

    private static ClusterState Cluster(bool? writes, HealthStatus status) =>
        new("orders", status, "a", 1, writes, null, null, null, null, "", null, [], [], [], "", 0);

    private static ServiceState Api(string id, HealthStatus status) =>
        new(id, id, ServiceKind.Api, ServiceTier.High, status, null, null, null, null, null, null, null, null, null, default, "", [], ImmutableSortedDictionary<string, double>.Empty, CircuitState.Closed, 0);
}
