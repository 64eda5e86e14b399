using CsCheck;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health.Verdicts;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Tests.Health;

public class RegionVerdictTests
{
    private static readonly Gen<ServiceShare> Share = Gen.Select(
        Gen.Enum<ServiceTier>(), Gen.Enum<HealthStatus>(), Gen.Double[0, 100].Nullable(0.1), (tier, status, availability) => new ServiceShare("s", tier, status, availability));

    [Theory]
    [InlineData(100, HealthStatus.Healthy)]
    [InlineData(95, HealthStatus.Healthy)]
    [InlineData(94.99, HealthStatus.Degraded)]
    [InlineData(80, HealthStatus.Degraded)]
    [InlineData(79.99, HealthStatus.Critical)]
    [InlineData(50, HealthStatus.Critical)]
    [InlineData(49.99, HealthStatus.Failed)]
    [InlineData(0, HealthStatus.Failed)]
    public void FromAvailability_AtTheLimits_IsAsSpecified(double percent, HealthStatus expected) => Assert.Equal(expected, RegionVerdict.FromAvailability(percent));

    [Fact]
    public void Decide_AllKnown_StatusFollowsTheShownAvailabilityAndTheCap() => Share.Where(s => s.Status != HealthStatus.Unknown && s.AvailabilityPercent is not null).List[1, 8].Sample(services =>
    {
        var (status, availability, _) = RegionVerdict.Decide(services);
        var expected = RegionVerdict.FromAvailability(availability!.Value);
        if (services.Any(s => s is { Tier: ServiceTier.Critical, Status: HealthStatus.Failed }) && expected < HealthStatus.Critical)
            expected = HealthStatus.Critical;
        Assert.Equal(expected, status);
    });

    [Fact]
    public void Decide_AllKnown_AvailabilityIsTheTierWeightedShare() => Share.Where(s => s.Status != HealthStatus.Unknown && s.AvailabilityPercent is not null).List[1, 8].Sample(services =>
    {
        var weighted = services.Sum(s => (int)s.Tier * (s.Status == HealthStatus.Failed ? 0 : s.AvailabilityPercent!.Value)) / services.Sum(s => (int)s.Tier);
        Assert.Equal(weighted, RegionVerdict.Decide(services).AvailabilityPercent!.Value, 0.006);
    });

    [Fact]
    public void Decide_CriticalServiceDown_IsNeverBetterThanCritical() => Share.List[0, 8].Sample(services =>
    {
        services.Add(new ServiceShare("db", ServiceTier.Critical, HealthStatus.Failed, 99));
        Assert.True(RegionVerdict.Decide(services).Status is HealthStatus.Critical or HealthStatus.Failed);
    });

    [Fact]
    public void Decide_AServiceGetsWorse_StatusNeverGetsBetter() => Gen.Select(Share.List[1, 8], Gen.Int[0, 7]).Sample((services, which) =>
    {
        var before = RegionVerdict.Decide(services).Status;
        var index = which % services.Count;
        if (services[index].Status == HealthStatus.Unknown || services[index].AvailabilityPercent is null || before == HealthStatus.Unknown)
            return;
        services[index] = services[index] with { Status = HealthStatus.Failed };
        Assert.True(RegionVerdict.Decide(services).Status >= before);
    });

    [Fact]
    public void Decide_AnyServiceUnknown_IsHealthyOnlyIfItWouldBeWithThatServiceDead() => Share.List[1, 8].Sample(services =>
    {
        var (status, _, _) = RegionVerdict.Decide(services);
        if (status != HealthStatus.Healthy)
            return;
        var worst = services.Select(s => s.Status == HealthStatus.Unknown || s.AvailabilityPercent is null ? s with { Status = HealthStatus.Degraded, AvailabilityPercent = 0 } : s).ToList();
        Assert.Equal(HealthStatus.Healthy, RegionVerdict.Decide(worst).Status);
    });

    [Fact]
    public void Decide_NothingKnown_IsUnknownWithoutAFigure()
    {
        var (status, availability, _) = RegionVerdict.Decide([new ServiceShare("a", ServiceTier.High, HealthStatus.Unknown, null)]);
        Assert.Equal(HealthStatus.Unknown, status);
        Assert.Null(availability);
    }

    [Fact]
    public void Decide_OneHighServiceOfThreeDown_NamesIt()
    {
        var (status, availability, reason) = RegionVerdict.Decide([
            new ServiceShare("db", ServiceTier.Critical, HealthStatus.Healthy, 100), new ServiceShare("api", ServiceTier.High, HealthStatus.Failed, 97), new ServiceShare("cache", ServiceTier.Medium, HealthStatus.Healthy, 100)]);
        Assert.Equal(HealthStatus.Critical, status);
        Assert.Equal(66.67, availability);
        Assert.Contains("1 of 3 services down (api)", reason, StringComparison.Ordinal);
    }
}
