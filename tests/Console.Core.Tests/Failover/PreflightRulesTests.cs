using OpsConsole.Core.Failover;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Tests.Failover;

/// <summary>Each rule of FO-2 alone: one thing is spoiled in a world in which all is well.</summary>
public sealed class PreflightRulesTests
{
    private static readonly DateTimeOffset Now = PreflightWorld.Now;

    [Fact]
    public void Evaluate_AllWell_PassesEverythingWithWhatWasMeasured()
    {
        var checks = FailoverPreflight.Evaluate(PreflightWorld.Request(), PreflightWorld.Facts());
        Assert.Equal(FailoverPreflight.Ids.Where(id => id != "source-has-traffic").Order(), checks.Select(c => c.Id).Order());
        Assert.All(checks, c => Assert.Equal(CheckVerdict.Passed, c.Verdict));
        Assert.All(checks, c => Assert.False(c.Measured.Length == 0 || c.Message.Length == 0));
    }

    [Fact]
    public void Evaluate_NothingEverMeasured_NeverPassesWhatIsUnknown()
    {
        var checks = FailoverPreflight.Evaluate(PreflightWorld.Request(planned: false), new PreflightFacts(PreflightWorld.Fleet(), FleetSnapshot.Empty, Now, 300));
        foreach (var id in new[] { "picture-fresh", "target-healthy", "no-loss", "witness-quorum", "lag-within-rpo" }) Assert.Equal(CheckVerdict.Blocking, Verdict(checks, id));
        foreach (var id in new[] { "capacity-n-1", "backups-fresh", "clock-skew", "source-is-primary" }) Assert.Equal(CheckVerdict.Warning, Verdict(checks, id));
    }

    [Theory]
    [InlineData(5, CheckVerdict.Passed)]
    [InlineData(6, CheckVerdict.Blocking)]
    public void PictureFresh_Age_IsHeldAgainstItsLimit(double age, CheckVerdict expected) =>
        Assert.Equal(expected, Check("picture-fresh", f => f with { Now = Now.AddSeconds(age) }));

    [Theory]
    [InlineData(HealthStatus.Healthy, CheckVerdict.Passed)]
    [InlineData(HealthStatus.Degraded, CheckVerdict.Warning)]
    [InlineData(HealthStatus.Unknown, CheckVerdict.Blocking)]
    [InlineData(HealthStatus.Critical, CheckVerdict.Blocking)]
    [InlineData(HealthStatus.Failed, CheckVerdict.Blocking)]
    public void TargetHealthy_Status_DecidesAndUnknownIsNotHealthy(HealthStatus status, CheckVerdict expected) =>
        Assert.Equal(expected, Check("target-healthy", f => f with { Picture = PreflightWorld.Picture(region: r => r.Id == "west" ? r with { Status = status } : r) }));

    [Theory]
    [InlineData(false, NodeRole.Standby)]
    [InlineData(true, NodeRole.Primary)]
    [InlineData(true, NodeRole.Unknown)]
    public void TargetHealthy_NoReachableStandby_Blocks(bool reachable, NodeRole role) =>
        Assert.Equal(CheckVerdict.Blocking, Check("target-healthy", f => f with { Picture = PreflightWorld.Picture(PreflightWorld.Node("west", n => n with { Reachable = reachable, Role = role })) }));

    [Theory]
    [InlineData(true, "us", CheckVerdict.Passed)]
    [InlineData(true, "eu", CheckVerdict.Blocking)]
    [InlineData(false, "eu", CheckVerdict.Blocking)]
    [InlineData(true, null, CheckVerdict.Blocking)]
    [InlineData(false, null, CheckVerdict.Warning)]
    public void SourceIsPrimary_PrimarySeen_Decides(bool planned, string? primary, CheckVerdict expected) =>
        Assert.Equal(expected, Check("source-is-primary", f => f with { Picture = PreflightWorld.Picture(c => c with { PrimaryRegion = primary }) }, planned));

    [Theory]
    [InlineData(true, true, true, CheckVerdict.Passed)]
    [InlineData(true, false, null, CheckVerdict.Blocking)]
    [InlineData(true, true, false, CheckVerdict.Blocking)]
    [InlineData(false, true, true, CheckVerdict.Warning)]
    [InlineData(false, false, false, CheckVerdict.Passed)]
    public void SourceHealthy_Kind_AsksForTheOpposite(bool planned, bool reachable, bool? writes, CheckVerdict expected) =>
        Assert.Equal(expected, Check("source-healthy", f => f with { Picture = PreflightWorld.Picture(c => PreflightWorld.Node("us", n => n with { Reachable = reachable })(c) with { WriteAvailable = writes }) }, planned));

    [Theory]
    [InlineData(299d, CheckVerdict.Passed)]
    [InlineData(300d, CheckVerdict.Passed)]
    [InlineData(301d, CheckVerdict.Blocking)]
    [InlineData(null, CheckVerdict.Blocking)]
    public void Lag_Switchover_IsHeldAgainstTheObjective(double? lag, CheckVerdict expected) =>
        Assert.Equal(expected, Check("lag-within-rpo", f => f with { Picture = PreflightWorld.Picture(link: l => l with { HeartbeatLagSeconds = lag, LagSeconds = null }) }));

    [Theory]
    [InlineData(3, CheckVerdict.Passed, CheckVerdict.Passed)]
    [InlineData(2, CheckVerdict.Passed, CheckVerdict.Passed)]
    [InlineData(1, CheckVerdict.Blocking, CheckVerdict.Blocking)]
    public void NoLossAndWitnesses_StandbysInReach_QuorumOfBoth(int inReach, CheckVerdict loss, CheckVerdict witnesses)
    {
        var picture = PreflightWorld.Picture(c => c with { Nodes = [.. c.Nodes.Select((n, i) => i > inReach ? n with { Reachable = false } : n)] });
        Assert.Equal(loss, Check("no-loss", f => f with { Picture = picture }, planned: false));
        Assert.Equal(witnesses, Check("witness-quorum", f => f with { Picture = picture }, planned: false));
    }

    [Theory]
    [InlineData(null, 2, CheckVerdict.Passed)]
    [InlineData(2, 2, CheckVerdict.Passed)]
    [InlineData(1, 2, CheckVerdict.Blocking)] // one confirmed: it may be the one that is out of reach
    [InlineData(1, 3, CheckVerdict.Passed)]
    [InlineData(0, 3, CheckVerdict.Blocking)]
    public void NoLoss_ConfirmationsInForce_CountInsteadOfTheDeclared(int? inForce, int inReach, CheckVerdict expected)
    {
        var picture = PreflightWorld.Picture(c => c with { Nodes = [.. c.Nodes.Select((n, i) => i > inReach ? n with { Reachable = false } : n)] });
        var known = new Dictionary<string, int?> { ["us"] = inForce };
        Assert.Equal(expected, Check("no-loss", f => f with { Picture = picture, ConfirmationsInForce = known }, planned: false));
        var estimate = FailoverEstimate.Of(PreflightWorld.Request(planned: false), PreflightWorld.Facts(picture) with { ConfirmationsInForce = known });
        Assert.Equal(expected == CheckVerdict.Passed, estimate.RpoSeconds == 0);
    }

    [Theory]
    [InlineData(HealthStatus.Healthy, CheckVerdict.Passed)]
    [InlineData(HealthStatus.Unknown, CheckVerdict.Passed)]
    [InlineData(HealthStatus.Critical, CheckVerdict.Blocking)]
    [InlineData(HealthStatus.Failed, CheckVerdict.Blocking)]
    public void WayBack_Source_MustNotBeKnownToBeUnwell(HealthStatus status, CheckVerdict expected) =>
        Assert.Equal(expected, FailoverPreflight.WayBack("us", PreflightWorld.Facts(PreflightWorld.Picture(region: r => r.Id == "us" ? r with { Status = status } : r))).Verdict);

    [Fact]
    public void NoLoss_AsynchronousCluster_BlocksAFailoverAndNotASwitchover()
    {
        var fleet = PreflightWorld.Fleet(f => f.Clusters[0].SynchronousStandbys = 0);
        Assert.Equal(CheckVerdict.Blocking, Check("no-loss", f => f with { Fleet = fleet }, planned: false));
        Assert.Equal(CheckVerdict.Passed, Check("no-loss", f => f with { Fleet = fleet }, planned: true));
    }

    [Theory]
    [InlineData(300d, CheckVerdict.Passed)]
    [InlineData(301d, CheckVerdict.Blocking)]
    [InlineData(null, CheckVerdict.Warning)]
    public void Capacity_Load_IsHeldAgainstTheRegionsThatRemain(double? load, CheckVerdict expected) => Assert.Equal(expected, Check("capacity-n-1", f => f with { LoadRps = load }));

    [Fact]
    public void Capacity_RegionsThatDoNotServe_DoNotCount() => Assert.Equal(CheckVerdict.Blocking,
        Check("capacity-n-1", f => f with { LoadRps = 150, Picture = PreflightWorld.Picture(region: r => r.Id is "eu" or "ap" ? r with { Status = HealthStatus.Failed } : r) }));

    [Theory]
    [InlineData("", CheckVerdict.Passed)]
    [InlineData("US", CheckVerdict.Passed)]
    [InlineData("EU", CheckVerdict.Blocking)]
    public void Compliance_Zones_BindTheTarget(string zone, CheckVerdict expected) =>
        Assert.Equal(expected, Check("compliance-zones", f => f with { Fleet = PreflightWorld.Fleet(o => o.Clusters[0].ComplianceZones = zone.Length == 0 ? [] : [zone]) }));

    [Theory]
    [InlineData(24d, CheckVerdict.Passed)]
    [InlineData(26d, CheckVerdict.Warning)]
    [InlineData(null, CheckVerdict.Warning)]
    public void Backups_Age_Warns(double? hours, CheckVerdict expected) => Assert.Equal(expected, Check("backups-fresh", f => f with { NewestBackupAt = hours is { } h ? Now.AddHours(-h) : null }));

    [Fact]
    public void Exclusive_AnotherOperation_BlocksAndNamesIt()
    {
        var check = FailoverPreflight.Evaluate(PreflightWorld.Request(), PreflightWorld.Facts() with { RunningOperation = "restore 7" }).Single(c => c.Id == "no-other-operation");
        Assert.Equal((CheckVerdict.Blocking, "restore 7"), (check.Verdict, check.Measured));
    }

    [Fact]
    public void Maintenance_Reason_Warns() => Assert.Equal(CheckVerdict.Warning, Check("maintenance", f => f with { MaintenanceReason = "region:us: new disks" }));

    [Theory]
    [InlineData(1d, CheckVerdict.Passed)]
    [InlineData(1.5, CheckVerdict.Warning)]
    [InlineData(-1.5, CheckVerdict.Warning)]
    [InlineData(null, CheckVerdict.Warning)]
    public void Clocks_Skew_Warns(double? skew, CheckVerdict expected) => Assert.Equal(expected, Check("clock-skew", f => f with { ClockSkewSeconds = skew }));

    [Fact]
    public void TrafficManagers_OneSilent_Blocks() => Assert.Equal(CheckVerdict.Blocking, Check("traffic-managers", f => f with { UnreachableTrafficManagers = ["pool"] }));

    [Fact]
    public void SourceHasTraffic_WithoutAShareWhileOthersHaveOne_WarnsBecauseNothingWouldMove()
    {
        Assert.Equal(CheckVerdict.Warning, Check("source-has-traffic", f => f with { Weights = new Dictionary<string, int> { ["us"] = 0, ["west"] = 0, ["eu"] = 100 } }));
        foreach (var weights in new Dictionary<string, int>?[] { null, new() { ["us"] = 1, ["west"] = 0 }, new() { ["us"] = 0, ["west"] = 0 } })
            Assert.DoesNotContain(FailoverPreflight.Evaluate(PreflightWorld.Request(), PreflightWorld.Facts() with { Weights = weights }), c => c.Id == "source-has-traffic");
    }

    [Theory]
    [InlineData("us", CheckVerdict.Blocking)]
    [InlineData("eu", CheckVerdict.Passed)]
    [InlineData("", CheckVerdict.Passed)]
    public void ConsoleSite_StateInTheSource_Blocks(string region, CheckVerdict expected) => Assert.Equal(expected, Check("console-outside-source", f => f with { ConsoleStateRegion = region }));

    [Fact]
    public void Blockers_Overridden_AreLeftOut()
    {
        var checks = FailoverPreflight.Evaluate(PreflightWorld.Request(planned: false), PreflightWorld.Facts(fleet: PreflightWorld.Fleet(f => f.Clusters[0].SynchronousStandbys = 0)));
        Assert.Equal("no-loss", Assert.Single(checks.Blockers([])).Id);
        Assert.Empty(checks.Blockers(["no-loss"]));
    }

    [Theory]
    [InlineData(true, 2, 3, 0d, 0d)]
    [InlineData(false, 2, 3, 0d, 0d)] // confirmed by a quorum that is in reach: nothing acknowledged can be lost
    [InlineData(false, 2, 1, 4d, 480d)]
    [InlineData(false, 0, 3, 4d, 480d)]
    public void Estimate_PossibleLoss_IsInBytesSecondsAndTransactions(bool planned, int confirmations, int inReach, double seconds, double transactions)
    {
        var picture = PreflightWorld.Picture(c => c with { Nodes = [.. c.Nodes.Select((n, i) => i == 0 ? n with { Lsn = "0/4000" } : i > inReach ? n with { Reachable = false } : n)] }, link: l => l with { HeartbeatLagSeconds = 4 });
        picture = picture with { Services = picture.Services.SetItem("us-db", new ServiceState("us-db", "us", Core.Fleet.ServiceKind.Database, Core.Fleet.ServiceTier.Critical, HealthStatus.Healthy, 1, 1, 1, 0, 0, 0, 120, 100, Now, Now, "",
            [], System.Collections.Immutable.ImmutableSortedDictionary<string, double>.Empty, CircuitState.Closed, 1)) };
        var estimate = FailoverEstimate.Of(PreflightWorld.Request(planned), PreflightWorld.Facts(picture, PreflightWorld.Fleet(f => f.Clusters[0].SynchronousStandbys = confirmations)));
        Assert.Equal((seconds, seconds == 0 ? 0 : 4096, transactions), (estimate.RpoSeconds!.Value, estimate.LostBytes!.Value, estimate.LostTransactions!.Value));
        Assert.Equal(transactions, estimate.Json["lostTransactions"]!.GetValue<double>());
    }

    [Theory]
    [InlineData("0/4000", 1, 4096L, CheckVerdict.Passed)]
    [InlineData("0/4000", 1, 4095L, CheckVerdict.Blocking)]
    [InlineData(null, 1, 4095L, CheckVerdict.Blocking)] // unknown is not little
    [InlineData("0/4000", 3, 0L, CheckVerdict.Passed)] // every acknowledged row is in reach
    public void LossWithinBound_WhatIsMissing_IsHeldAgainstWhatIsAcceptedWhateverIsOverridden(string? position, int inReach, long most, CheckVerdict expected)
    {
        var picture = PreflightWorld.Picture(c => c with { Nodes = [.. c.Nodes.Select((n, i) => i == 0 ? n with { Lsn = position } : i > inReach ? n with { Reachable = false } : n)] });
        var request = PreflightWorld.Request(planned: false) with { Overrides = ["no-loss"], MaxLostBytes = most };
        var checks = FailoverPreflight.Evaluate(request, PreflightWorld.Facts(picture));
        Assert.Equal(expected, Verdict(checks, "loss-within-bound"));
        Assert.Equal(expected == CheckVerdict.Blocking, checks.Blockers(FailoverPreflight.Ids).Any(c => c.Id == "loss-within-bound"));
        // The source does not answer any more: what it was last seen to have written counts.
        var gone = PreflightWorld.Facts(PreflightWorld.Picture(c => c with { Nodes = [.. picture.Clusters["orders"].Nodes.Select((n, i) => i == 0 ? n with { Lsn = null, Reachable = false } : n)] }));
        var last = position is null ? (ulong?)null : 0x4000;
        Assert.Equal(expected, Verdict(FailoverPreflight.Evaluate(request, gone with { LastWritten = new Dictionary<string, ulong?> { ["us"] = last } }), "loss-within-bound"));
        Assert.DoesNotContain(FailoverPreflight.Evaluate(request with { MaxLostBytes = null }, PreflightWorld.Facts(picture)), c => c.Id == "loss-within-bound");
    }

    [Fact]
    public void Evaluate_TrafficAlone_DoesNotAskWhereThePrimaryIs()
    {
        var checks = FailoverPreflight.Evaluate(PreflightWorld.Request(source: "eu", target: "us"), PreflightWorld.Facts(), database: false);
        Assert.All(checks, c => Assert.Equal(CheckVerdict.Passed, c.Verdict));
        Assert.DoesNotContain(checks, c => c.Id is "source-is-primary" or "no-loss" or "lag-within-rpo");
        var failed = PreflightWorld.Facts(PreflightWorld.Picture(region: r => r with { Status = HealthStatus.Failed }));
        Assert.Contains(FailoverPreflight.Evaluate(PreflightWorld.Request(), failed, database: false), c => c is { Id: "target-healthy", Verdict: CheckVerdict.Blocking });
    }

    private static CheckVerdict Check(string id, Func<PreflightFacts, PreflightFacts> spoil, bool planned = true) =>
        Verdict(FailoverPreflight.Evaluate(PreflightWorld.Request(planned), spoil(PreflightWorld.Facts())), id);

    private static CheckVerdict Verdict(IEnumerable<PreflightCheck> checks, string id) => checks.Single(c => c.Id == id).Verdict;
}
