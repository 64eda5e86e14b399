using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Failover;
using OpsConsole.Core.Failover.Detection;
using OpsConsole.Core.Failover.Steps;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Tests.Failover;

public sealed class LossRulesTests
{
    private static readonly DetectionOptions Rule = new();

    // failures, kind, failing for (s), standbys as "streams:silence" or - (does not answer), client acknowledged ago (s), pending (s)
    [Theory]
    [InlineData(0, "None", 0, "s0.05 s0.05 s0.05", 0.05, 0.0, LossVerdict.Serves)]
    [InlineData(2, "Refused", 0.2, "x x x", 0.2, 0.0, LossVerdict.Serves)]
    [InlineData(3, "Refused", 0.3, "x x x", 0.29, 0.0, LossVerdict.Lost)]
    [InlineData(3, "Refused", 0.3, "x x s0.1", 0.3, 0.0, LossVerdict.Lost)]
    [InlineData(3, "Silent", 0.8, "s0.8 s0.7 s0.8", 0.8, 0.8, LossVerdict.Lost)]
    [InlineData(3, "Silent", 0.4, "s0.4 s0.4 s0.4", 0.4, 0.4, LossVerdict.OnlyConsole)] // a stall: the standbys do not miss it yet
    [InlineData(3, "Silent", 0.4, "s0.9 s0.9 s0.9", 0.4, 0.4, LossVerdict.OnlyConsole)] // a stall after a time in which nobody wrote
    [InlineData(3, "Refused", 0.1, "s0.9 s0.9 s0.9", 0.1, 0.1, LossVerdict.OnlyConsole)]
    [InlineData(9, "Silent", 3, "s0.1 s0.1 s0.1", 0.1, 0.0, LossVerdict.OnlyConsole)] // the console's own way is cut
    [InlineData(9, "Silent", 3, "x s0.1 s0.1", 0.1, 0.0, LossVerdict.OnlyConsole)]
    [InlineData(9, "Silent", 3, "- - -", 3, 3.0, LossVerdict.ConsoleCutOff)]
    [InlineData(9, "Silent", 3, "- - x", 3, 3.0, LossVerdict.ConsoleCutOff)]
    [InlineData(9, "Refused", 3, "x x x", 0.1, 0.0, LossVerdict.OnlyConsole)] // clients still write
    [InlineData(9, "Refused", 3, "x x x", 1.0, 1.0, LossVerdict.Lost)] // they wrote after the last probe, and no more: both ages grow alike
    [InlineData(0, "None", 0, "x x s0.1", 2, 2.0, LossVerdict.CommitsWait)]
    [InlineData(9, "Stalled", 3, "s3 s3 s3", 3, 3.0, LossVerdict.Stalls)] // it answers: its storage may come back
    [InlineData(2, "Stalled", 0.2, "s0.2 s0.2 s0.2", 0.2, 0.2, LossVerdict.Serves)]
    [InlineData(99, "Stalled", 10.1, "s10 s10 s10", 10.1, 10.1, LossVerdict.Lost)]
    [InlineData(99, "Stalled", 10.1, "s0.1 s0.1 s0.1", 10.1, 10.1, LossVerdict.OnlyConsole)] // others commit: only the console's own row waits
    public void Judge_Evidence_GivesOneVerdict(int failures, string kind, double failing, string standbys, double acknowledged, double pending, LossVerdict expected)
    {
        var seen = standbys.Split(' ').Select((s, i) => new StandbyEvidence($"r{i}", s != "-", s[0] == 's',
            s[0] == 's' ? TimeSpan.FromSeconds(double.Parse(s[1..], System.Globalization.CultureInfo.InvariantCulture)) : null)).ToList();
        var judged = LossRules.Judge(Rule, new PrimaryEvidence(failures, kind == "Stalled" ? 0 : failures, Enum.Parse<ProbeFailure>(kind), TimeSpan.FromSeconds(failing)), seen,
            new ClientEvidence(TimeSpan.FromSeconds(acknowledged), pending > 0 ? TimeSpan.FromSeconds(pending) : null));
        Assert.Equal(expected, judged.Verdict);
        Assert.NotEmpty(judged.Reason);
    }

    [Fact]
    public void Of_Candidates_MostLogThenPriorityThenLatencyAndNeverOutsideTheZones()
    {
        Candidate[] all = [new("far", 100, 3, 200, true), new("near", 100, 3, 5, true), new("forbidden", 999, 1, 1, false), new("behind", 90, 1, 1, true), new("first", 100, 2, 300, true)];
        Assert.Equal("first", TargetChoice.Of(all)!.Region);
        Assert.Equal("near", TargetChoice.Of(all.Where(c => c.Region != "first"))!.Region);
        Assert.Null(TargetChoice.Of(all.Where(c => !c.Allowed)));
    }

    [Theory]
    [InlineData(4, 2, 2)]
    [InlineData(4, 1, 3)]
    [InlineData(4, 3, 1)]
    [InlineData(2, 1, 1)]
    [InlineData(4, 0, int.MaxValue)]
    public void StandbysNeeded_QuorumCommit_IsNLessKPlusOne(int nodes, int confirmations, int needed) => Assert.Equal(needed,
        LossRule.StandbysNeeded(new ClusterOptions { SynchronousStandbys = confirmations, Nodes = [.. Enumerable.Range(0, nodes).Select(i => new ClusterNodeOptions { Region = $"r{i}" })] }));

    [Theory]
    [InlineData("0/2000", "0/1000", 4096L)]
    [InlineData("0/1000", "0/2000", 0L)]
    [InlineData(null, "0/2000", null)]
    public void LostBytes_Positions_NeverBelowZeroAndNullWhenUnknown(string? source, string promoted, long? lost) => Assert.Equal(lost, LossRule.LostBytes(source, promoted));
}

public sealed class HealthWatchTests
{
    private static readonly WatchOptions Rule = new() { DwellSeconds = 5, MinimumRequests = 20, DeadlineSeconds = 60, ErrorPercent = 5 };

    [Theory]
    [InlineData(10, 100, 0, HealthStatus.Healthy, WatchOutcome.Pass)]
    [InlineData(10, 100, 5, HealthStatus.Healthy, WatchOutcome.Pass)]
    [InlineData(1, 100, 0, HealthStatus.Healthy, WatchOutcome.Hold)]
    [InlineData(1, 100, 6, HealthStatus.Healthy, WatchOutcome.Fail)]
    [InlineData(30, 19, 0, HealthStatus.Healthy, WatchOutcome.Hold)]
    [InlineData(30, 0, 0, HealthStatus.Unknown, WatchOutcome.Hold)]
    [InlineData(60, 19, 0, HealthStatus.Healthy, WatchOutcome.Fail)]
    [InlineData(10, 100, 0, HealthStatus.Failed, WatchOutcome.Fail)]
    public void Judge_Counters_TooFewNeverPass(double elapsed, long requests, long errors, HealthStatus region, WatchOutcome expected) =>
        Assert.Equal(expected, HealthWatch.Judge(Rule, TimeSpan.FromSeconds(elapsed), requests, errors, region).Outcome);

    [Theory]
    [InlineData(10, 100, 0, WatchOutcome.Hold)]
    [InlineData(10, 100, 6, WatchOutcome.Fail)]
    [InlineData(60, 100, 0, WatchOutcome.Fail)]
    public void Judge_BadSinceBeforeTheShift_HasUntilTheDeadline(double elapsed, long requests, long errors, WatchOutcome expected) =>
        Assert.Equal(expected, HealthWatch.Judge(Rule, TimeSpan.FromSeconds(elapsed), requests, errors, HealthStatus.Critical, turned: false).Outcome);

    [Theory]
    [InlineData(1, 3)]
    [InlineData(2, 2)]
    [InlineData(3, 2)]
    [InlineData(0, int.MaxValue)]
    public void StandbysNeeded_FewerConfirmedThanDeclared_MoreAreNeeded(int inForce, int needed) => Assert.Equal(needed,
        LossRule.StandbysNeeded(new ClusterOptions { SynchronousStandbys = 2, Nodes = [.. Enumerable.Range(0, 4).Select(i => new ClusterNodeOptions { Region = $"r{i}" })] }, inForce));

    [Theory]
    [InlineData("", 0)]
    [InlineData("ANY 2 (\"a\", \"b\", \"c\")", 2)]
    [InlineData("FIRST 1 (a)", null)]
    [InlineData("*", null)]
    public void ConfirmationsOf_List_IsWhatTheConsoleWrites(string names, int? confirmations) => Assert.Equal(confirmations, SynchronousCommit.ConfirmationsOf(names));
}
