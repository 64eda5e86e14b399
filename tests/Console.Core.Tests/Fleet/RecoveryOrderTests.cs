using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Tests.Fleet;

public sealed class RecoveryOrderTests
{
    [Fact]
    public void Of_Dependencies_ComeFirst()
    {
        ServiceOptions[] services = [Service("web", ServiceTier.High, "api"), Service("api", ServiceTier.High, "db", "cache"), Service("cache", ServiceTier.Low), Service("db", ServiceTier.Critical)];

        Assert.Equal(["db", "cache", "api", "web"], RecoveryOrder.Of(services).Select(s => s.Id));
    }

    [Fact]
    public void Waves_IndependentServices_StartTogether()
    {
        ServiceOptions[] services = [Service("b", ServiceTier.Low), Service("a", ServiceTier.Low), Service("c", ServiceTier.Low, "a")];

        Assert.Equal([["a", "b"], ["c"]], RecoveryOrder.Waves(services).Select(w => w.Select(s => s.Id).ToArray()));
    }

    [Fact]
    public void Of_Circle_ThrowsAndNamesIt()
    {
        ServiceOptions[] services = [Service("a", ServiceTier.Low, "b"), Service("b", ServiceTier.Low, "c"), Service("c", ServiceTier.Low, "a")];

        var error = Assert.Throws<ArgumentException>(() => RecoveryOrder.Of(services));

        Assert.Contains("a → b → c → a", error.Message);
    }

    [Fact]
    public void FindCycle_Diamond_FindsNone()
    {
        ServiceOptions[] services = [Service("a", ServiceTier.Low, "b", "c"), Service("b", ServiceTier.Low, "d"), Service("c", ServiceTier.Low, "d"), Service("d", ServiceTier.Low)];

        Assert.Null(RecoveryOrder.FindCycle(services));
    }

    private static ServiceOptions Service(string id, ServiceTier tier, params string[] dependsOn) => new() { Id = id, Tier = tier, DependsOn = [.. dependsOn] };
}
