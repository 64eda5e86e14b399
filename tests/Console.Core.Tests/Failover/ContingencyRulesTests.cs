using OpsConsole.Core.Failover;
using OpsConsole.Core.Failover.Contingencies;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Tests.Failover;

public sealed class ContingencyRulesTests
{
    [Fact]
    public void Report_AllWell_PlansEveryLossOfOneAndTwoAndAllHoldButTheLossOfTwoStandbys()
    {
        var report = Report(PreflightWorld.Facts());
        Assert.Equal((4, 6), (report.Losing(1).Count(), report.Losing(2).Count()));
        Assert.All(report.Losing(1), c => Assert.False(c.Violated));
        Assert.All(report.Losing(2), c => Assert.Equal(!c.Lost.Contains("us"), c.Violated)); // ANY 2: one standby cannot confirm

        var (loss, orders) = Of(report, "us");
        Assert.Equal((300, 40, true), (loss.RemainingRps, loss.LoadRps, loss.CarriesLoad));
        Assert.Equal((ContingencyAnswer.FailOver, "west", FailoverStrategy.Immediate), (orders.Answer, orders.Target, orders.Strategy));
        Assert.Empty(orders.Blocking);
        Assert.Contains(orders.Checks, c => c is { Id: "source-healthy", Verdict: CheckVerdict.Passed });
        Assert.NotEmpty(orders.Reasons);
        // The plan is the one that a request would make: its hash can be asked for.
        Assert.Equal(Planner.Build(PreflightWorld.Request(planned: false)).Hash, orders.Plan!.Hash);
        Assert.Equal(ContingencyAnswer.GoesOn, Of(report, "eu").Orders.Answer);
    }

    [Theory]
    [InlineData(40, true, true)]
    [InlineData(250, true, false)]
    [InlineData(350, false, false)]
    public void Report_Load_IsHeldAgainstWhatRemains(double load, bool one, bool two)
    {
        var report = Report(PreflightWorld.Facts() with { LoadRps = load });
        Assert.All(report.Losing(1), c => Assert.Equal(one, c.CarriesLoad));
        Assert.All(report.Losing(2), c => Assert.Equal(two, c.CarriesLoad));
        Assert.All(report.Losing(1), c => Assert.Equal(!one, c.Violated));
    }

    [Fact]
    public void Report_LoadUnknown_SaysSo() => Assert.All(Report(PreflightWorld.Facts() with { LoadRps = null }).Cases, c => Assert.Null(c.CarriesLoad));

    [Fact]
    public void Report_TwoStandbysLost_WritesWait()
    {
        var orders = Of(Report(PreflightWorld.Facts()), "west", "eu").Orders;
        Assert.Equal((ContingencyAnswer.WritesWait, (Plan?)null), (orders.Answer, orders.Plan));
        Assert.Contains("1 of 2", Assert.Single(orders.Reasons), StringComparison.Ordinal);
    }

    [Fact]
    public void Report_PrimaryAndAStandbyLost_FailsOverAndSaysThatFewerConfirm()
    {
        var orders = Of(Report(PreflightWorld.Facts()), "us", "west").Orders;
        Assert.Equal((ContingencyAnswer.FailOver, "eu"), (orders.Answer, orders.Target));
        Assert.Empty(orders.Blocking); // two of three standbys in reach: nothing acknowledged is lost
        Assert.Contains(orders.Reasons, r => r.Contains("1 of 2 standbys confirm", StringComparison.Ordinal));
    }

    [Fact]
    public void Report_StandbyAlreadyGone_LossOfTwoMayLoseRowsAndWouldBeBlocked()
    {
        var picture = PreflightWorld.Picture(PreflightWorld.Node("ap", n => n with { Reachable = false }), r => r.Id == "ap" ? r with { Status = HealthStatus.Failed } : r);
        var report = Report(PreflightWorld.Facts(picture));
        Assert.Equal((3, 3), (report.Losing(1).Count(), report.Losing(2).Count()));
        var orders = Of(report, "us", "west").Orders;
        Assert.Equal("eu", orders.Target);
        Assert.Contains(orders.Blocking, c => c.Id == "no-loss");
        Assert.Equal(200, Of(report, "us").Loss.RemainingRps);
    }

    [Fact]
    public void Report_MostAdvancedStandby_IsChosenBeforePriority()
    {
        var orders = Of(Report(PreflightWorld.Facts(PreflightWorld.Picture(PreflightWorld.Node("ap", n => n with { Lsn = "0/4000" })))), "us").Orders;
        Assert.Equal("ap", orders.Target);
        Assert.Contains(orders.Reasons, r => r.Contains("most of the log", StringComparison.Ordinal));
    }

    [Fact]
    public void Report_Zones_NeverLeadOutside()
    {
        var fleet = PreflightWorld.Fleet(f => f.Clusters[0].ComplianceZones = ["EU"]);
        var report = Report(PreflightWorld.Facts(fleet: fleet));
        Assert.Equal("eu", Of(report, "us").Orders.Target);
        var none = Of(report, "us", "eu");
        Assert.Equal((ContingencyAnswer.NoTarget, true), (none.Orders.Answer, none.Loss.Violated));
    }

    private static FailoverPlanner Planner { get; } = new(PreflightWorld.Fleet(), new NoFacts(), new FailoverOptions());

    private static ContingencyReport Report(PreflightFacts facts) =>
        new ContingencyRules(new FailoverPlanner(facts.Fleet, new NoFacts(), new FailoverOptions())).Report(new Dictionary<string, PreflightFacts> { ["orders"] = facts });

    private static (Contingency Loss, ClusterContingency Orders) Of(ContingencyReport report, params string[] lost)
    {
        var loss = report.Cases.Single(c => c.Lost.SequenceEqual(lost));
        return (loss, Assert.Single(loss.Clusters));
    }

    private sealed class NoFacts : IFailoverFacts
    {
        public Task<PreflightFacts> GatherAsync(string cluster, CancellationToken cancel) => throw new NotSupportedException();
    }
}
