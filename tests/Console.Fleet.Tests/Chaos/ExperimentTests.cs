using System.Text.Json.Nodes;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Chaos;
using OpsConsole.Core.Operations;
using OpsConsole.Fleet.Tests.Failover;
using OpsConsole.Fleet.Tests.Sandbox;

namespace OpsConsole.Fleet.Tests.Chaos;

/// <summary>Whole experiments on real parts: measured before, broken, watched, put back, measured after.</summary>
[Collection(SharedFleetForFaults.Faults)]
public sealed class ExperimentTests(SandboxFixture sandbox)
{
    private static readonly string[] FiveAtOnce = ["network-latency", "network-bandwidth", "network-resets", "application-latency", "host-disk"];
    private readonly LiveFleet _fleet = LiveFleet.Of(sandbox);

    [Fact]
    public async Task Experiment_RunsToItsEnd_VerdictsArePassedAndNothingIsLeft()
    {
        await using var console = await StartAsync();

        var operation = await RunAsync(console, "network-latency", seconds: 6);

        var story = await console.StoryAsync(operation);
        Assert.True(operation.State == OperationState.Succeeded, story);
        Assert.Equal(("passed", "passed", "passed"), Verdicts(operation));
        Assert.Contains("2 of 3", operation.Plan.Title, StringComparison.Ordinal);
        Assert.Equal(2, operation.Result["cleanUpDetail"]!["undone"]!.GetValue<int>());
        Assert.Contains("before: ", story, StringComparison.Ordinal);
        Assert.Contains("after: ", story, StringComparison.Ordinal);
        Assert.Equal(0, Toxics());
    }

    [Fact]
    public async Task Experiment_HurtsMoreThanItMay_IsEndedEarlyAndCleanedUp()
    {
        await using var console = await StartAsync(("Chaos:WindowSeconds", "3"), ("Chaos:Experiments:0:Id", "all-errors"), ("Chaos:Experiments:0:Title", "Make every API fail"), ("Chaos:Experiments:0:Severity", "Low"),
            ("Chaos:Experiments:0:Group", "Application"), ("Chaos:Experiments:0:Fault", "application.errors"), ("Chaos:Experiments:0:Targets:Pool", "Service"), ("Chaos:Experiments:0:Targets:Kind", "api"),
            ("Chaos:Experiments:0:Targets:Count", "all"), ("Chaos:Experiments:0:IntensityPercent", "100"), ("Chaos:Experiments:0:Abort:0", "customers.availabilityPercent <= 20"), ("Chaos:Experiments:0:Hypothesis:0", "customers.availabilityPercent >= 90"));

        var operation = await RunAsync(console, "all-errors", seconds: 60);

        var story = await console.StoryAsync(operation);
        Assert.True(operation.State == OperationState.RolledBack, story);
        Assert.Contains("Ended early", operation.EndReason, StringComparison.Ordinal);
        Assert.Equal(("failed", "passed", "passed"), Verdicts(operation));
        Assert.True((operation.EndedAt - operation.StartedAt)!.Value.TotalSeconds < 45, story);
        Assert.Equal(200, await OrdersAsync());
    }

    [Fact]
    public async Task EmergencyStop_FiveExperimentsRun_AllFaultsAreGoneWithinTwoSecondsAndNewOnesAreRefused()
    {
        await using var console = await StartAsync();
        var running = new List<Guid>();
        foreach (var id in FiveAtOnce) running.Add(await SubmitAsync(console, id, 120));
        var reader = console.Get<OperationReader>();
        await Eventually.TrueAsync(async () => (await Task.WhenAll(running.Select(id => reader.GetAsync(id)))).All(o => o.Result["injection"]?.ToString() == "passed"), "five experiments run", TimeSpan.FromSeconds(60));
        Assert.True(FaultsLeft() > 5, "the faults are there");
        var stop = console.Get<EmergencyStop>();
        var person = new Person("u1", "operator@example.org", [Roles.Operator], []);

        var began = TimeProvider.System.GetTimestamp();
        var first = stop.EngageAsync("test", person);
        var second = stop.EngageAsync("test again", person);
        while (FaultsLeft() > 0 && TimeProvider.System.GetElapsedTime(began).TotalSeconds < 30) await Task.Delay(10);
        var took = TimeProvider.System.GetElapsedTime(began);
        await Task.WhenAll(first, second);

        TestContext.Current.TestOutputHelper?.WriteLine($"all faults were gone after {took.TotalMilliseconds:0} ms");
        Assert.InRange(took.TotalSeconds, 0, 4); // a loaded machine; the bench holds the figure
        var refused = await Assert.ThrowsAsync<RequestRefusedException>(() => SubmitAsync(console, "host-cpu", 5));
        Assert.Equal("stopEngaged", refused.Rule);
        foreach (var id in running) Assert.Equal(OperationState.Cancelled, (await console.EndAsync(id)).State);
        var status = await stop.StatusAsync();
        Assert.True(status.Reverted.Count >= 5);
        Assert.All(status.Reverted, r => Assert.NotNull(r.VerifiedAt));
        await stop.ReleaseAsync("test is over", person);
        Assert.False(await stop.IsEngagedAsync());
    }

    [Fact]
    public async Task Failover_ARealOne_EndsExperimentsFirstAndPausesSchedules()
    {
        await using var console = await StartAsync();
        var experiment = await SubmitAsync(console, "network-latency", 120);
        var reader = console.Get<OperationReader>();
        await Eventually.TrueAsync(async () => (await reader.GetAsync(experiment)).Result["injection"]?.ToString() == "passed", "it runs", TimeSpan.FromSeconds(60));
        var source = console.Primary;
        var target = LiveFleet.Regions.First(r => r != source);

        var move = await console.RunAsync(FailoverConsole.Request(source, target, planned: true));

        Assert.True(move.State == OperationState.Succeeded, await console.StoryAsync(move));
        var ended = await console.EndAsync(experiment);
        Assert.Equal(OperationState.Cancelled, ended.State);
        Assert.True(ended.EndedAt <= move.Steps.First(s => s.StartedAt is not null).StartedAt, "the failover did not wait for the clean-up");
        await Eventually.TrueAsync(async () => await console.Get<SchedulePause>().ActiveAsync() is not null, "schedules stand still");
        await console.SettledAsync(target);
    }

    [Fact]
    public async Task SevereAlert_AnExperimentRuns_ItIsEndedUndoneAndSchedulesStandStillUntilAPersonResumesThem()
    {
        await using var console = await StartAsync();
        var experiment = await SubmitAsync(console, "network-latency", 120);
        var reader = console.Get<OperationReader>();
        await Eventually.TrueAsync(async () => (await reader.GetAsync(experiment)).Result["injection"]?.ToString() == "passed", "it runs", TimeSpan.FromSeconds(60));
        Assert.True(Toxics() > 0);

        console.Alerts.Raise(new SevereCondition("alert:42", "the disk of the billing system is full"));

        var ended = await console.EndAsync(experiment, TimeSpan.FromSeconds(30));
        Assert.True(ended.State == OperationState.Cancelled && ended.Result["cleanUp"]?.ToString() == "passed", await console.StoryAsync(ended));
        Assert.Contains("the disk of the billing system is full", ended.EndReason, StringComparison.Ordinal);
        Assert.Equal(0, Toxics());
        await Eventually.TrueAsync(async () => (await console.Get<SchedulePause>().ActiveAsync())?.Cause == "alert:42", "schedules stand still");
        var refused = await Assert.ThrowsAnyAsync<Exception>(() => SubmitAsync(console, "network-latency", 10));
        Assert.Contains("billing system", refused.Message, StringComparison.Ordinal);

        console.Alerts.Clear();
        Assert.NotNull(await console.Get<SchedulePause>().ActiveAsync()); // not by itself
        await console.Get<SchedulePause>().ResumeAsync("mended", Person.Console);
        Assert.Null(await console.Get<SchedulePause>().ActiveAsync());
    }

    [Fact]
    public async Task PrimaryDies_AnExperimentRuns_TheFailoverSucceedsAndTheExperimentIsEndedAndUndone()
    {
        await using var console = await StartAsync();
        var source = console.Primary;
        await console.ArmedAsync();
        var experiment = await SubmitAsync(console, "network-bandwidth", 120);
        var reader = console.Get<OperationReader>();
        await Eventually.TrueAsync(async () => (await reader.GetAsync(experiment)).Result["injection"]?.ToString() == "passed", "it runs", TimeSpan.FromSeconds(60));
        Assert.True(Toxics() > 0);

        await _fleet.SignalAsync(source, "KILL");

        var move = await console.EndAsync((await console.FirstFailoverAsync()).Id);
        Assert.True(move.State == OperationState.Succeeded, await console.StoryAsync(move));
        var ended = await console.EndAsync(experiment);
        Assert.True(ended.State == OperationState.Cancelled && ended.Result["cleanUp"]?.ToString() == "passed", await console.StoryAsync(ended));
        Assert.Equal(0, Toxics());
        await Eventually.TrueAsync(async () => (await console.Get<SchedulePause>().ActiveAsync())?.Cause == $"failover:{move.Id}", "schedules stand still");
        await console.SettledAsync(move.Result["newPrimaryRegion"]!.GetValue<string>());
        await console.AutomaticAsync(false);
        // All is well again, and still nobody experiments for a while.
        var refused = await Assert.ThrowsAsync<RequestRefusedException>(() => SubmitAsync(console, "host-disk", 5));
        Assert.Equal("open-incident", Assert.Single(refused.Checks, c => c.Verdict == CheckVerdict.Blocking).Id);
    }

    [Fact]
    public async Task DatabaseFailover_AsAnExperiment_MovesThePrimaryAndBringsItBack()
    {
        await using var console = await StartAsync();
        var before = console.Primary;

        var operation = await RunAsync(console, "database-failover", seconds: 4);

        Assert.True(operation.Result["injection"]?.ToString() == "passed" && operation.Result["cleanUp"]?.ToString() == "passed", await console.StoryAsync(operation));
        var moves = (await console.Get<OperationReader>().ListAsync(OperationKinds.Failover)).Where(o => o.Request.ContainsKey(FailoverFault.PartOf)).ToList();
        Assert.Equal(2, moves.Count);
        Assert.False(await _fleet.AskAsync<bool>(_fleet.Node(before), "SELECT pg_is_in_recovery()"));
        Assert.Null(await console.Get<SchedulePause>().ActiveAsync()); // its own moves are no real failovers
        await console.SettledAsync(before);
    }

    private async Task<FailoverConsole> StartAsync(params (string, string)[] settings)
    {
        var console = await FailoverConsole.StartAsync(_fleet, [("Chaos:BaselineSeconds", "2"), .. settings]);
        await console.SettledAsync();
        // What the test before hurt may still be coming back at the edge: no steady state before it has.
        await using var shoppers = new Shoppers(_fleet);
        await shoppers.TakenInARowAsync(120);
        return console;
    }

    private static async Task<Guid> SubmitAsync(FailoverConsole console, string id, double seconds)
    {
        var submitted = await console.Get<OperationService>().SubmitAsync(
            new OperationRequest(OperationKinds.Experiment, new JsonObject { ["experiment"] = id, ["durationSeconds"] = seconds }, "test") { StandingApproval = true }, Person.Console);
        return submitted.OperationId;
    }

    private static async Task<Operation> RunAsync(FailoverConsole console, string id, double seconds) =>
        await console.EndAsync(await SubmitAsync(console, id, seconds), TimeSpan.FromSeconds(seconds + 120));

    private static (string?, string?, string?) Verdicts(Operation operation) =>
        (operation.Result["hypothesis"]?.ToString(), operation.Result["injection"]?.ToString(), operation.Result["cleanUp"]?.ToString());

    /// <summary>Counted at the proxies themselves.</summary>
    private int Toxics() => sandbox.Fleet.Network.Proxies.Values.Sum(p => p.Toxics.Count);

    private int FaultsLeft() => Toxics() + LiveFleet.Regions.Sum(r => Directory.Exists(Scratch(r)) ? Directory.EnumerateFiles(Scratch(r)).Count() : 0);

    private string Scratch(string region) => Path.Combine(Path.GetDirectoryName(_fleet.Data(region))!, "scratch");

    private async Task<int> OrdersAsync()
    {
        using var client = new HttpClient();
        using var answer = await client.GetAsync($"http://127.0.0.1:{_fleet.Ports.HttpFrontend}/orders");
        return (int)answer.StatusCode;
    }
}
