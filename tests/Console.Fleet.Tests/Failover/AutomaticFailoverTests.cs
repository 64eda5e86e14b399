using OpsConsole.Core.Approvals;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Failover;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Traffic;
using OpsConsole.Fleet.Tests.Sandbox;

namespace OpsConsole.Fleet.Tests.Failover;

public sealed class AutomaticFailoverTests(SandboxFixture sandbox) : IClassFixture<SandboxFixture>
{
    [Theory]
    [InlineData("KILL")]
    [InlineData("STOP")]
    public async Task Detector_PrimaryLost_FailsOverByItselfAndLosesNothing(string signal)
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet);
        await console.SettledAsync();
        var source = console.Primary;
        await console.ArmedAsync();
        await using var writer = await Writer.StartAsync(fleet);
        await Eventually.TrueAsync(() => writer.Count > 100, "writes");

        await fleet.SignalAsync(source, signal);
        var operation = await console.EndAsync((await console.FirstFailoverAsync()).Id);
        await writer.StopAsync();

        var story = await console.StoryAsync(operation);
        TestContext.Current.TestOutputHelper?.WriteLine($"pause {writer.LongestPause.TotalMilliseconds:0} ms; {operation.Reason} {story}\n{console.Log}");
        Assert.True(operation.State == OperationState.Succeeded, story);
        var target = operation.Result["newPrimaryRegion"]!.GetValue<string>();
        Assert.Empty(await writer.LostAsync(target));
        Assert.Equal(0, operation.Result["lostHeartbeats"]!.GetValue<int>());
        Assert.Equal(0, operation.Result["lostBytes"]!.GetValue<long>());
        // What another console, or this one after a restart, holds the cool-down against.
        Assert.NotNull(await console.Get<OperationReader>().LastStartedAsync(OperationKinds.Failover, Person.Console.Id, "cluster:orders"));
        await console.SettledAsync(target);
    }

    [Fact]
    public async Task Detector_ConsoleDatabaseAway_FailsOverAllTheSameAndPutsItOnRecordLater()
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet);
        await console.SettledAsync();
        var source = console.Primary;
        await console.ArmedAsync();
        await using var writer = await Writer.StartAsync(fleet);
        await Eventually.TrueAsync(() => writer.Count > 50, "writes");

        await console.DatabaseAsync(answers: false);
        await fleet.SignalAsync(source, "KILL");
        var before = writer.Count; // what is acknowledged from here on, somebody else acknowledges
        await Eventually.TrueAsync(() => writer.Count > before + 20, "writes while the console's database is away");
        await console.DatabaseAsync(answers: true);

        var operation = await console.EndAsync((await console.FirstFailoverAsync()).Id);
        await writer.StopAsync();
        Assert.True(operation.State == OperationState.Succeeded, await console.StoryAsync(operation));
        var target = operation.Result["newPrimaryRegion"]!.GetValue<string>();
        Assert.Empty(await writer.LostAsync(target));
        await console.SettledAsync(target);
    }

    [Fact]
    public async Task Detector_LossWouldLoseRows_WaitsForTwoPeopleAndQuotesTheLoss()
    {
        var fleet = LiveFleet.Of(sandbox);
        // One confirmation: every standby is needed to be sure of every row.
        await using var console = await FailoverConsole.StartAsync(fleet, ("Fleet:Clusters:0:SynchronousStandbys", "1"));
        await console.SettledAsync();
        var source = console.Primary;
        var silent = LiveFleet.Regions.Last(r => r != source);
        await console.ArmedAsync();
        await fleet.SignalAsync(silent, "STOP");
        await Eventually.TrueAsync(() => console.Picture.Clusters["orders"].Nodes.Any(n => n.Region == silent && !n.Reachable), "a standby is gone");
        await fleet.SignalAsync(source, "STOP");

        var operation = await console.FirstFailoverAsync();
        Assert.Equal(OperationState.AwaitingApproval, operation.State);
        Assert.Contains("may be lost", operation.Reason, StringComparison.Ordinal);
        Assert.Contains(operation.Plan.Overrides, o => o.Check == "no-loss");
        Assert.InRange(operation.Plan.Bounds["maxLostBytes"], 1 << 20, 1 << 30);
        Assert.Contains("it turns back at more than", operation.Reason, StringComparison.Ordinal);
        // What is gone counts as it was last seen, also when it is looked at long after.
        await Eventually.TrueAsync(() => console.Picture.Clusters["orders"].Nodes.Single(n => n.Region == source).Lsn is null, "the picture knows nothing of the primary any more");
        Assert.NotNull((await console.Get<FailoverPlanner>().PreflightAsync(operation.Plan, CancellationToken.None)).Estimate["lostBytes"]);
        Assert.Equal(CheckVerdict.Passed, operation.Preflight.Checks.Single(c => c.Id == "loss-within-bound").Verdict);
        Assert.Equal(2, (await console.Get<ApprovalService>().GetAsync(operation.ApprovalId!.Value)).Rule.Approvers);

        await console.Get<OperationService>().CancelAsync(operation.Id, "test", Person.Console);
        // Nothing was done to the fleet: both go on as they were.
        await fleet.SignalAsync(silent, "CONT");
        await fleet.SignalAsync(source, "CONT");
        await console.SettledAsync(source);
    }

    [Fact]
    public async Task Detector_StandbyOutOfReachWhileThePrimaryMoves_IsLedToTheNewOneOnceItAnswers()
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet);
        await console.SettledAsync();
        var source = console.Primary;
        var silent = LiveFleet.Regions.Last(r => r != source);
        await console.ArmedAsync();
        await fleet.SignalAsync(silent, "STOP");
        await Eventually.TrueAsync(() => console.Picture.Clusters["orders"].Nodes.Any(n => n.Region == silent && !n.Reachable), "a standby is gone");
        await fleet.SignalAsync(source, "KILL");
        var operation = await console.EndAsync((await console.FirstFailoverAsync()).Id);
        var story = await console.StoryAsync(operation);
        Assert.True(operation.State == OperationState.Succeeded, story);
        Assert.Contains($"{silent} is not in reach", story, StringComparison.Ordinal);
        var target = operation.Result["newPrimaryRegion"]!.GetValue<string>();

        await fleet.SignalAsync(silent, "CONT");
        await Eventually.TrueAsync(async () => await fleet.StandbysOfAsync(target) == 3, $"it streams from {target}, too\n{console.Log}", TimeSpan.FromSeconds(60));
        var led = Assert.Single(await console.Get<OperationReader>().ListAsync(OperationKinds.Rejoin));
        var how = await console.StoryAsync(await console.EndAsync(led.Id));
        Assert.Equal(silent, (string?)led.Request["region"]);
        Assert.Contains($"{silent} was led to {target} and streams from there.", how, StringComparison.Ordinal);
        await console.SettledAsync(target);
    }

    [Fact]
    public async Task Detector_OldPrimaryThawedBeyondReachOfItsHost_IsDemotedOnSight()
    {
        var fleet = LiveFleet.Of(sandbox);
        var settings = LiveFleet.Regions.SelectMany((_, i) => new[] { NodeHost.Kill, NodeHost.Stop }.Select(c => ($"Fleet:Regions:{i}:Shell:Commands:{c}", "exit 1"))).ToArray();
        string source;
        await using (var console = await FailoverConsole.StartAsync(fleet, settings))
        {
            await console.SettledAsync();
            source = console.Primary;
            await console.ArmedAsync();
            await using var writer = await Writer.StartAsync(fleet);
            await Eventually.TrueAsync(() => writer.Count > 50, "writes");
            await fleet.SignalAsync(source, "STOP");
            var operation = await console.EndAsync((await console.FirstFailoverAsync()).Id);
            Assert.True(operation.State == OperationState.Succeeded, await console.StoryAsync(operation));

            await fleet.SignalAsync(source, "CONT");
            var thawed = TimeProvider.System.GetTimestamp();
            await Eventually.TrueAsync(async () => await fleet.RefusesApplicationAsync(source), "the old primary rejects clients");
            TestContext.Current.TestOutputHelper?.WriteLine($"rejects clients {TimeProvider.System.GetElapsedTime(thawed).TotalMilliseconds:0} ms after the thaw\n{console.Log}");
            await writer.StopAsync();
            Assert.Empty(await writer.LostAsync(operation.Result["newPrimaryRegion"]!.GetValue<string>()));
        }
        await fleet.CacheTakesWritesAsync(source); // as one that did not hear that another took over
        // With its host in reach again it is brought back, whether automatic failover is on or not.
        await using var next = await FailoverConsole.StartAsync(fleet);
        await next.SettledAsync();
        Assert.True(await fleet.AskAsync<bool>(fleet.Node(source), "SELECT pg_is_in_recovery()"));
        await Eventually.TrueAsync(async () => await fleet.CacheRoleAsync(source) == "slave", "its cache follows again");
    }

    [Fact]
    public async Task Detector_TrafficManagerForgetsThePrimary_WritesAreLedThereAgain()
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet);
        await console.SettledAsync();
        var edge = console.Get<TrafficEdge>();
        await edge.CutWritesAsync(console.Primary, endSessions: true, CancellationToken.None);
        await Eventually.TrueAsync(async () => (await edge.WritersAsync(CancellationToken.None)).SetEquals([console.Primary]), "writes are led to the primary again", TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task Detector_FewerStandbysConfirmThanDeclared_AsManyAsDeclaredDoAgain()
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet);
        await console.SettledAsync();
        var primary = fleet.Node(console.Primary);
        Task<string?> InForceAsync() => fleet.AskAsync<string>(primary, "SELECT current_setting('synchronous_standby_names')");
        await Eventually.TrueAsync(async () => (await InForceAsync())!.StartsWith("ANY 2 ", StringComparison.Ordinal), "two confirm");
        var declared = await InForceAsync();
        int Raised() => console.Log.ToString().Split("2 standbys confirm each commit").Length;
        var before = Raised();

        await fleet.AskAsync<string>(primary, $"ALTER SYSTEM SET synchronous_standby_names = '{declared!.Replace("ANY 2", "ANY 1", StringComparison.Ordinal)}'");
        Assert.True(await fleet.AskAsync<bool>(primary, "SELECT pg_reload_conf()"));

        await Eventually.TrueAsync(() => Raised() > before, "the console sees to it");
        await Eventually.TrueAsync(async () => (await InForceAsync())!.StartsWith("ANY 2 ", StringComparison.Ordinal), "two confirm again");
        foreach (var standby in LiveFleet.Regions.Where(r => r != console.Primary)) Assert.Contains(standby.Replace('-', '_'), (await InForceAsync())!.Replace('-', '_'), StringComparison.Ordinal);
    }

    /// <summary>Storage that stands still: it answers reads, no write comes to an end, nothing reaches the standbys.</summary>
    [Theory]
    [InlineData(10, false)]
    [InlineData(1, true)]
    public async Task Detector_PrimaryAnswersButDoesNotCommit_IsGivenUpOnlyWhenItStaysSo(double stallSeconds, bool givenUp)
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet, ("Failover:Detection:StallSeconds", stallSeconds.ToString(System.Globalization.CultureInfo.InvariantCulture)));
        await console.SettledAsync();
        var source = console.Primary;
        await console.ArmedAsync();
        await using var writer = await Writer.StartAsync(fleet);
        await Eventually.TrueAsync(() => writer.Count > 50, "writes");

        await using (var stall = await fleet.StallWritesAsync(source))
        {
            await Eventually.TrueAsync(() => console.Log.ToString().Contains("answers but does not commit", StringComparison.Ordinal), "the stall is seen");
            if (givenUp) Assert.Equal(OperationState.Succeeded, (await console.EndAsync((await console.FirstFailoverAsync()).Id)).State);
            else await Eventually.TrueAsync(() => stall.For > TimeSpan.FromSeconds(4), "four times what a silent primary is given");
            Assert.InRange(await fleet.AskAsync<long>(fleet.Node(givenUp ? console.Primary : source), "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'opsconsole-detector'"), 0, 6);
        }
        var before = writer.Count;
        await Eventually.TrueAsync(() => writer.Count > before + 20, "writes go on");
        await writer.StopAsync();
        await console.SettledAsync(givenUp ? null : source);
        Assert.Empty(await writer.LostAsync(console.Primary));
        Assert.Equal(givenUp ? 1 : 0, (await console.Get<OperationReader>().ListAsync(OperationKinds.Failover)).Count);
    }

    /// <summary>Every console was gone when the primary was lost: one that starts then has never seen it.</summary>
    [Theory]
    [InlineData("KILL")]
    [InlineData("STOP")]
    public async Task Detector_StartedAfterThePrimaryWasLost_LearnsItFromTheStandbysAndFailsOver(string signal)
    {
        var fleet = LiveFleet.Of(sandbox);
        string source;
        await using var writer = await Writer.StartAsync(fleet);
        await using (var before = await FailoverConsole.StartAsync(fleet))
        {
            await before.SettledAsync();
            source = before.Primary;
            await before.ArmedAsync();
            await Eventually.TrueAsync(() => writer.Count > 50, "writes");
        }
        await fleet.SignalAsync(source, signal);

        await using var console = await FailoverConsole.StartAsync(fleet);
        await console.AutomaticAsync(true);
        var operation = await console.EndAsync((await console.FirstFailoverAsync()).Id);
        await writer.StopAsync();
        Assert.True(operation.State == OperationState.Succeeded, await console.StoryAsync(operation));
        Assert.Contains(source + " does not answer, and all others say that it was the primary", console.Log.ToString(), StringComparison.Ordinal);
        var target = operation.Result["newPrimaryRegion"]!.GetValue<string>();
        Assert.NotEqual(source, target);
        Assert.Empty(await writer.LostAsync(target));
        await console.SettledAsync(target);
    }

    [Fact]
    public async Task Detector_ShortStall_DoesNothing()
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet);
        await console.SettledAsync();
        await console.ArmedAsync();
        var source = console.Primary;
        await using var writer = await Writer.StartAsync(fleet);
        await Eventually.TrueAsync(() => writer.Count > 20, "writes");
        for (var i = 0; i < 5; i++)
        {
            await fleet.StallAsync(source, TimeSpan.FromMilliseconds(250));
            var before = writer.Count;
            await Eventually.TrueAsync(() => writer.Count > before + 20, "writes go on");
        }
        await writer.StopAsync();
        Assert.Equal(source, console.Primary);
        Assert.Empty(await console.Get<OperationReader>().ListAsync(OperationKinds.Failover));
    }
}
