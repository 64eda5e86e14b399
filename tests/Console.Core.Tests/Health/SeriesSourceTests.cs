using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health;
using OpsConsole.Core.Health.Telemetry;

namespace OpsConsole.Core.Tests.Health;

public class SeriesSourceTests
{
    public static TheoryData<HistoryMetric> Metrics => [.. Enum.GetValues<HistoryMetric>()];

    [Theory]
    [MemberData(nameof(Metrics))]
    public void Of_EveryMetric_HasASeries(HistoryMetric metric) =>
        Assert.Contains("key", SeriesSource.Of(new FleetModel(ProbedFleet.Options()), metric, "key", "name").Series, StringComparison.Ordinal);

    [Theory]
    [InlineData("east", "region:east:availability")]
    [InlineData("orders", "cluster:orders:writeAvailable")]
    [InlineData("api", "service:api")]
    public void Of_Availability_KnowsRegionsClustersAndServices(string key, string series) =>
        Assert.Equal(series, SeriesSource.Of(new FleetModel(ProbedFleet.Options()), HistoryMetric.Availability, key, null).Series);
}
