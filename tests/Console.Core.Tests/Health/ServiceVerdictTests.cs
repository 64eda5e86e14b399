using OpsConsole.Core.Health.Verdicts;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Tests.Health;

public class ServiceVerdictTests
{
    private static readonly ObservationOptions Options = new();

    [Theory]
    [InlineData(0, HealthStatus.Healthy)]
    [InlineData(1, HealthStatus.Degraded)]
    [InlineData(2, HealthStatus.Critical)]
    [InlineData(3, HealthStatus.Failed)]
    public void Decide_NodesDownOfThree_IsBySharePerWeight(int down, HealthStatus expected)
    {
        var nodes = Enumerable.Range(0, 3).Select(i => (100, i < down ? HealthStatus.Failed : HealthStatus.Healthy)).ToList();
        Assert.Equal(expected, Decide(HealthStatus.Healthy, Evidence(nodes: nodes)));
    }

    [Fact]
    public void Decide_WholeDown_IsFailedWithTheError()
    {
        var (status, reason) = ServiceVerdict.Decide(Evidence(whole: HealthStatus.Failed, error: "connection refused"), HealthStatus.Healthy, Options);
        Assert.Equal(HealthStatus.Failed, status);
        Assert.Equal("down: connection refused", reason);
    }

    [Fact]
    public void Decide_NoSample_IsUnknownNeverHealthy() => Assert.Equal(HealthStatus.Unknown, Decide(HealthStatus.Healthy, Evidence(whole: HealthStatus.Unknown, count: 0)));

    [Theory]
    [InlineData(HealthStatus.Healthy, 1100, HealthStatus.Degraded)]
    [InlineData(HealthStatus.Healthy, 990, HealthStatus.Healthy)]
    [InlineData(HealthStatus.Degraded, 950, HealthStatus.Degraded)]
    [InlineData(HealthStatus.Degraded, 890, HealthStatus.Healthy)]
    public void Decide_SlowAnswers_DegradeAndRecoverWithABand(HealthStatus before, double p95, HealthStatus expected) =>
        Assert.Equal(expected, Decide(before, Evidence(p95: p95, slow: p95 > 1000 ? 5 : 0)));

    [Fact]
    public void Decide_OneSlowAnswer_DegradesNothing() => Assert.Equal(HealthStatus.Healthy, Decide(HealthStatus.Healthy, Evidence(p95: 4000, slow: 1)));

    [Theory]
    [InlineData(5, HealthStatus.Healthy)]
    [InlineData(6, HealthStatus.Degraded)]
    public void Decide_ErrorShare_DegradesAboveFivePercent(int errors, HealthStatus expected) => Assert.Equal(expected, Decide(HealthStatus.Healthy, Evidence(errors: errors)));

    private static HealthStatus Decide(HealthStatus before, ServiceEvidence evidence) => ServiceVerdict.Decide(evidence, before, Options).Status;

    private static ServiceEvidence Evidence(
        HealthStatus whole = HealthStatus.Healthy, IReadOnlyList<(int, HealthStatus)>? nodes = null, double? p95 = 20, int slow = 0, int errors = 0, int count = 100, string? error = null) =>
        new(whole, nodes ?? [], p95, slow, errors, count, error);
}
