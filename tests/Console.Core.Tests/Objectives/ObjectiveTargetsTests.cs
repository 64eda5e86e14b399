using OpsConsole.Core.Fleet;
using OpsConsole.Core.Objectives;

namespace OpsConsole.Core.Tests.Objectives;

public sealed class ObjectiveTargetsTests
{
    [Theory]
    [InlineData(ServiceTier.Critical, 7200, 1800, 99.99)]
    [InlineData(ServiceTier.High, 14400, 3600, 99.95)]
    [InlineData(ServiceTier.Medium, 28800, 14400, 99.9)]
    [InlineData(ServiceTier.Low, 86400, 86400, 99.5)]
    public void OfTier_Each_IsAsSpecified(ServiceTier tier, double rto, double rpo, double availability)
    {
        Assert.Equal(new RecoveryTargets(rto, rpo), ObjectiveTargets.OfTier(tier));
        Assert.Equal(availability, ObjectiveTargets.AvailabilityPercentOfTier(tier));
    }

    [Fact]
    public void Rto_OwnTarget_Binds() => Assert.Equal(new BindingTarget(60, "cluster"), ObjectiveTargets.Rto(60, ServiceTier.Critical));

    [Fact]
    public void Rto_NoOwnTarget_TierBinds() => Assert.Equal(new BindingTarget(7200, "tier"), ObjectiveTargets.Rto(null, ServiceTier.Critical));

    [Fact]
    public void Bind_NoOwnTargetAndNoTier_FifteenAndFiveMinutes()
    {
        Assert.Equal(new BindingTarget(900, "default"), ObjectiveTargets.Rto(null, null));
        Assert.Equal(new BindingTarget(300, "default"), ObjectiveTargets.Rpo(null, null));
    }

    [Fact]
    public void Bind_Scenario_TheStrictestWins()
    {
        Assert.Equal(new BindingTarget(0, "scenario"), ObjectiveTargets.Rpo(60, ServiceTier.Critical, RecoveryScenario.ServiceFailure));
        Assert.Equal(new BindingTarget(60, "cluster"), ObjectiveTargets.Rpo(60, ServiceTier.Critical, RecoveryScenario.CompleteLoss));
        Assert.Equal(new BindingTarget(7200, "tier"), ObjectiveTargets.Rto(null, ServiceTier.Critical, RecoveryScenario.DatabaseCorruption));
        Assert.Equal(new BindingTarget(14400, "scenario"), ObjectiveTargets.Rto(null, ServiceTier.Low, RecoveryScenario.DatabaseCorruption));
    }
}
