using OpsConsole.Core.Live;
using OpsConsole.Core.Replication;
using static OpsConsole.Core.Tests.Replication.Views;

namespace OpsConsole.Core.Tests.Replication;

public sealed class ClusterAssessmentTests
{
    private static readonly NodeReading HealthyPrimary = Read(Primary(1000, Sender("node_b", 1000), Sender("node_c", 1000)));

    [Fact]
    public void Assess_OnePrimaryAndStreamingStandbys_Healthy()
    {
        var reading = Assess(View(HealthyPrimary, Read(Standby(1000)), Read(Standby(1000)), Beating()));

        Assert.Equal(HealthStatus.Healthy, reading.Status);
        Assert.Equal("a", reading.PrimaryRegion);
        Assert.Equal(3, reading.Timeline);
        Assert.Empty(reading.Drift);
        Assert.Equal(["b", "c"], reading.Links.Select(l => l.Target));
        Assert.All(reading.Links, l => Assert.Equal(("a", "streaming", "quorum", 0L, 0.0), (l.Source, l.State, l.Sync, l.LagBytes!.Value, l.LagSeconds!.Value)));
    }

    [Fact]
    public void Assess_NothingObservedYet_Unknown()
    {
        var blank = new NodeReading(null, null, null, Now, null, null);

        var reading = Assess(View(blank, blank, blank, lastPrimary: null));

        Assert.Equal(HealthStatus.Unknown, reading.Status);
        Assert.Empty(reading.Links);
        Assert.Empty(reading.Drift);
    }

    [Theory]
    [InlineData(3, HealthStatus.Unknown)]
    [InlineData(11, HealthStatus.Failed)]
    public void Assess_NothingEverAnswered_UnknownWhileTheConsoleStarts(double seconds, HealthStatus expected)
    {
        var view = View(Silent(), Silent(), Silent(), new HeartbeatStatus(false, null, 0, "refused"), null) with { Since = Now.AddSeconds(-seconds) };

        Assert.Equal(expected, Assess(view).Status);
    }

    [Fact]
    public void Assess_TwoPrimaries_CriticalAndNoneIsThePrimary()
    {
        var reading = Assess(View(HealthyPrimary, Read(Primary(900)), Read(Standby(1000)), Beating()));

        Assert.Equal(HealthStatus.Critical, reading.Status);
        Assert.Equal("two primaries: a and b", reading.Reason);
        Assert.Null(reading.PrimaryRegion);
        Assert.Contains(reading.Drift, d => d.StartsWith("Two primaries: a and b", StringComparison.Ordinal));
    }

    [Fact]
    public void Assess_PrimaryGoneAndWritesFail_Failed()
    {
        var reading = Assess(View(Silent(Primary(1000)), Read(Standby(1000)), Read(Standby(1000)), Beating() with { Available = false, Problem = "refused" }));

        Assert.Equal(HealthStatus.Failed, reading.Status);
        Assert.Null(reading.PrimaryRegion);
        Assert.Contains("a does not answer", reading.Reason);
        Assert.Contains("The node in a is declared but does not answer.", reading.Drift);
    }

    [Fact]
    public void Assess_PrimaryOutOfSightButWritesAcknowledged_DegradedNotFailed()
    {
        var reading = Assess(View(Silent(Primary(1000)), Read(Standby(1000)), Read(Standby(1000)), Beating()));

        Assert.Equal(HealthStatus.Degraded, reading.Status);
        Assert.Equal("a", reading.PrimaryRegion);
    }

    [Fact]
    public void Assess_NoNodeAnswers_FailedNeverHealthy()
    {
        var reading = Assess(View(Silent(), Silent(), Silent(), new HeartbeatStatus(false, null, 0, "refused")));

        Assert.Equal(HealthStatus.Failed, reading.Status);
        Assert.Equal("no node answers", reading.Reason);
        Assert.All(reading.Nodes, n => Assert.False(n.Reachable));
    }

    [Fact]
    public void Assess_WritesNotAcknowledgedWhilePrimaryAnswers_Critical()
    {
        var reading = Assess(View(HealthyPrimary, Read(Standby(1000)), Read(Standby(1000)), Beating() with { Available = false, Problem = "waiting" }));

        Assert.Equal(HealthStatus.Critical, reading.Status);
        Assert.Equal("a", reading.PrimaryRegion);
        Assert.Contains("waiting", reading.Reason);
    }

    [Fact]
    public void Assess_OneStandbyDisconnected_DegradedAndItsLinkFailed()
    {
        var reading = Assess(View(Read(Primary(1000, Sender("node_b", 1000))), Read(Standby(1000)), Read(Standby(400)), Beating()));

        Assert.Equal(HealthStatus.Degraded, reading.Status);
        var link = reading.Links.Single(l => l.Target == "c");
        Assert.Equal((HealthStatus.Failed, "disconnected", 600L), (link.Status, link.State, link.LagBytes!.Value));
        Assert.Null(link.Sync);
    }

    [Fact]
    public void Assess_NoStandbyStreams_Critical() =>
        Assert.Equal(HealthStatus.Critical, Assess(View(Read(Primary(1000)), Read(Standby(1000)), Read(Standby(1000)), Beating())).Status);

    [Fact]
    public void Assess_DisconnectedStandbyOutOfSight_LagIsUnknownNotZero()
    {
        var link = Assess(View(Read(Primary(1000, Sender("node_b", 1000))), Read(Standby(1000)), Silent(), Beating())).Links.Single(l => l.Target == "c");

        Assert.Null(link.LagBytes);
        Assert.Null(link.LagSeconds);
        Assert.Null(link.HeartbeatLagSeconds);
    }

    [Fact]
    public void Assess_AnotherPrimaryThanDeclared_IsDrift()
    {
        var reading = Assess(View(Read(Standby(1000)), Read(Primary(1000, Sender("node_a", 1000), Sender("node_c", 1000))), Read(Standby(1000)), Beating(), "b"));

        Assert.Equal(HealthStatus.Healthy, reading.Status);
        Assert.Equal("b", reading.PrimaryRegion);
        Assert.Contains("The primary is b; declared is a.", reading.Drift);
        Assert.All(reading.Links, l => Assert.Equal("b", l.Source));
    }

    [Fact]
    public void Assess_TheBackupsReadTheLog_IsNoDrift() =>
        Assert.Empty(Assess(View(Read(Primary(1000, Sender("node_b", 1000), Sender("node_c", 1000), Sender("opsconsole-wal", 1000))), Read(Standby(1000)), Read(Standby(1000)))).Drift);

    [Fact]
    public void Assess_StrangerFollows_IsDrift() =>
        Assert.Contains(Assess(View(Read(Primary(1000, Sender("node_b", 1000), Sender("node_c", 1000), Sender("spy", 1000))), Read(Standby(1000)), Read(Standby(1000)))).Drift,
            d => d.Contains("\"spy\"", StringComparison.Ordinal));

    [Fact]
    public void Assess_CascadingStandby_LinkComesFromTheStandbyThatSends()
    {
        var cascading = Standby(1000) with { Senders = [Sender("node_c", 1000)] };
        var link = Assess(View(Read(Primary(1000, Sender("node_b", 1000))), Read(cascading), Read(Standby(1000)), Beating())).Links.Single(l => l.Target == "c");

        Assert.Equal(("b", HealthStatus.Healthy), (link.Source, link.Status));
    }

    [Theory]
    [InlineData(59, HealthStatus.Healthy)]
    [InlineData(60, HealthStatus.Degraded)]
    [InlineData(299, HealthStatus.Degraded)]
    [InlineData(300, HealthStatus.Critical)]
    public void Assess_Lag_DegradesAt60SecondsAndIsCriticalAt5Minutes(double lag, HealthStatus expected)
    {
        var primary = Read(Primary(1000, Sender("node_b", 500, lag), Sender("node_c", 1000)));

        var link = Assess(View(primary, Read(Standby(500)), Read(Standby(1000)), Beating())).Links.Single(l => l.Target == "b");

        Assert.Equal(expected, link.Status);
        Assert.Equal(lag, link.LagSeconds);
    }

    [Fact]
    public void Assess_StalledStream_LagGrowsThoughTheReportedOneStandsStill()
    {
        var clock = new WalClock();
        clock.Reached(new WalPosition(500), Now.AddSeconds(-90));
        clock.Reached(new WalPosition(600), Now.AddSeconds(-80));
        clock.Reached(new WalPosition(1000), Now);
        var primary = Read(Primary(1000, Sender("node_b", 500, 0.01), Sender("node_c", 1000)));

        var link = Assess(View(primary, Silent(), Read(Standby(1000)), Beating()), clock).Links.Single(l => l.Target == "b");

        Assert.Equal(80, link.LagSeconds);
        Assert.Equal(HealthStatus.Degraded, link.Status);
    }

    [Fact]
    public void Assess_Heartbeats_LagIsTheAgeOfTheOldestMissingOne()
    {
        var reading = Assess(View(HealthyPrimary, Read(Standby(1000, heartbeatAge: 12), acknowledgedAge: 1, missingFor: 11), Read(Standby(1000, heartbeatAge: 0.5), acknowledgedAge: 1), Beating(1)));

        Assert.Equal(11, reading.Links.Single(l => l.Target == "b").HeartbeatLagSeconds!.Value, 6);
        Assert.Equal(0, reading.Links.Single(l => l.Target == "c").HeartbeatLagSeconds!.Value);
    }

    [Fact]
    public void Assess_Rpo_IsThatOfTheBestStandby()
    {
        var reading = Assess(View(HealthyPrimary, Read(Standby(1000, heartbeatAge: 12), acknowledgedAge: 0.4), Read(Standby(1000, heartbeatAge: 2.4), acknowledgedAge: 0.4), Beating(0.4)));

        Assert.Equal(2.4, reading.RpoSeconds!.Value, 6);
    }

    [Fact]
    public void Assess_WritesStopped_RpoStandsStill()
    {
        // The last acknowledged heartbeat is 100 s old and the standby holds it: at most one interval of writes came after it.
        var reading = Assess(View(Silent(), Read(Standby(1000, heartbeatAge: 100), acknowledgedAge: 100), Silent(), Beating(100) with { Available = false, Problem = "refused" }));

        Assert.Equal(1, reading.RpoSeconds!.Value, 6);
    }

    [Fact]
    public void Assess_NoHeartbeatOnAnyStandby_RpoUnknown() =>
        Assert.Null(Assess(View(HealthyPrimary, Read(Standby(1000)), Silent(), Beating())).RpoSeconds);
}
