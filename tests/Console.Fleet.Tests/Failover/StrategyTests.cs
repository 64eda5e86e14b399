using OpsConsole.Core.Live;
using System.Net.Http.Json;
using System.Text.Json.Nodes;
using OpsConsole.Core.Failover;
using OpsConsole.Core.Failover.Steps;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Traffic;
using OpsConsole.Fleet.Tests.Sandbox;

namespace OpsConsole.Fleet.Tests.Failover;

/// <summary>Strategies and scopes of FO-1 on real parts: shares are read back by the console and counted by customers.</summary>
public sealed class StrategyTests(SandboxFixture sandbox) : IClassFixture<SandboxFixture>
{
    private static readonly (string, string)[] Quick = [("Failover:Watch:DwellSeconds", "2"), ("Failover:Watch:MinimumRequests", "15"), ("Failover:Watch:DeadlineSeconds", "30")];

    [Fact]
    public async Task Gradual_Full_ShiftsShareByShareMovesEverythingAndIsTakenBackWhole()
    {
        var fleet = LiveFleet.Of(sandbox);
        // Some 300 orders in a step scatter by 2.5 points (one standard deviation at a share of 25 %).
        await using var console = await FailoverConsole.StartAsync(fleet, [.. Quick.Where(q => q.Item1 != "Failover:Watch:DwellSeconds"), ("Failover:Watch:DwellSeconds", "4")]);
        await console.SettledAsync();
        var (source, target) = (console.Primary, console.Primary == "us-west-2" ? "us-east-1" : "us-west-2");
        var before = await WeightsAsync(console);
        await using var shoppers = new Shoppers(fleet, perSecond: 100);
        var start = await shoppers.ShareAsync(source, orders: 400);

        var begun = TimeProvider.System.GetUtcNow();
        var operation = await console.RunAsync(FailoverConsole.Request(source, target, planned: true, "gradual"), TimeSpan.FromSeconds(120));
        var story = await console.StoryAsync(operation);
        TestContext.Current.TestOutputHelper?.WriteLine(story);
        Assert.True(operation.State == OperationState.Succeeded, story);

        // What the plan promised at each step is what customers saw until the next.
        var events = await console.Get<OperationReader>().EventsAsync(operation.Id, limit: 5000);
        foreach (var (index, percent) in operation.Plan.Steps.Select((s, i) => (s, i)).Where(s => s.s.Step == ShiftTraffic.StepName).Select(s => (s.i, s.s.Parameters["percent"]!.GetValue<int>())))
        {
            var from = events.First(e => e.Step == index && e.Kind == "outcome").At.AddMilliseconds(300);
            var to = events.First(e => e.Step == index + 1 && e.Kind == "outcome").At;
            Assert.InRange(shoppers.Share(source, from, to), (start * (100 - percent) / 100) - 10, (start * (100 - percent) / 100) + 10);
            Assert.Contains(events, e => e.Step == index + 1 && e.Text.Contains("requests failed", StringComparison.Ordinal));
        }
        Assert.Equal(0, await shoppers.ShareAsync(source));
        Assert.Empty(shoppers.FailedSince(begun));

        // Services, cache and application configuration moved with it.
        await console.SettledAsync(target);
        Assert.Equal(("master", "slave"), (await fleet.CacheRoleAsync(target), await fleet.CacheRoleAsync(source)));
        Assert.Equal($"primary_region={target}", (await File.ReadAllTextAsync(fleet.SiteFile(target, "application.conf"))).Trim());
        Assert.Equal(StepState.Found, operation.Steps.First(s => s.Name == $"Start {target}-orders").State); // it ran already
        Assert.NotEqual("100", (await File.ReadAllTextAsync(fleet.SiteFile(target, "orders.scale"))).Trim());

        var back = await BackAsync(console, operation);
        Assert.Equal(before, await WeightsAsync(console));
        Assert.Equal(("slave", "master"), (await fleet.CacheRoleAsync(target), await fleet.CacheRoleAsync(source)));
        Assert.InRange(await shoppers.ShareAsync(source, orders: 200), start - 10, start + 10);
        Assert.Equal(source, back.Result["newPrimaryRegion"]!.GetValue<string>());
        await console.SettledAsync(source);
    }

    [Fact]
    public async Task Canary_TargetFails_RollsBackByItselfAndSaysWhy()
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet, Quick);
        await console.SettledAsync();
        var (source, target) = (console.Primary, "eu-west-1");
        var before = await WeightsAsync(console);
        using var api = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{fleet.Ports.Api(target)}") };
        using var broken = await api.PostAsJsonAsync("/faults", new { errorPercent = 100, latencyMs = 0 });
        broken.EnsureSuccessStatusCode();
        try
        {
            var request = FailoverConsole.Request(source, target, planned: true, "canary");
            request["scope"] = "rolling";
            var operation = await console.RunAsync(request);
            var story = await console.StoryAsync(operation);
            TestContext.Current.TestOutputHelper?.WriteLine(story);
            Assert.True(operation.State == OperationState.RolledBack, story);
            Assert.Matches(@"requests failed \((9\d(\.\d)?|100) %, limit 5 %\)", operation.EndReason); // one may have been answered before the fault
            Assert.Contains("Watch eu-west-1 at 5 %", operation.EndReason, StringComparison.Ordinal);
            Assert.Equal("passed", operation.Result["cleanUp"]!.GetValue<string>());
            Assert.DoesNotContain(operation.Steps, s => s.Name.StartsWith("Promote", StringComparison.Ordinal) && s.State != StepState.Pending);
        }
        finally
        {
            using var mended = await api.PostAsJsonAsync("/faults", new { errorPercent = 0, latencyMs = 0 });
        }
        Assert.Equal(before, await WeightsAsync(console));
        Assert.Equal(source, console.Primary);
    }

    [Fact]
    public async Task Partial_TooFewRequests_HoldsAndNeverPasses()
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet, [("Failover:Watch:DwellSeconds", "0.5"), ("Failover:Watch:MinimumRequests", "100000"), ("Failover:Watch:DeadlineSeconds", "3")]);
        await console.SettledAsync();
        var before = await WeightsAsync(console);
        var operation = await console.RunAsync(Partial(console.Primary, "eu-west-1", "gradual"));
        Assert.True(operation.State == OperationState.RolledBack, await console.StoryAsync(operation));
        Assert.Contains("not enough to judge it", operation.EndReason, StringComparison.Ordinal);
        Assert.Equal(before, await WeightsAsync(console));
    }

    [Fact]
    public async Task BlueGreen_Partial_CutsTheChosenServiceOverAtOnceAndLeavesTheDatabase()
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet, Quick);
        await console.SettledAsync();
        var (source, target) = (console.Primary, "eu-west-1");
        var before = await WeightsAsync(console);
        await using var shoppers = new Shoppers(fleet);
        var begun = TimeProvider.System.GetUtcNow();
        var operation = await console.RunAsync(Partial(source, target, "blueGreen"));
        Assert.True(operation.State == OperationState.Succeeded, await console.StoryAsync(operation));
        Assert.Equal([$"{source}-orders"], operation.Result["servicesMoved"]!.AsArray().Select(s => s!.GetValue<string>()));
        Assert.Equal(0, await shoppers.ShareAsync(source));
        Assert.Equal(source, console.Primary);
        await BackAsync(console, operation);
        Assert.Equal(before, await WeightsAsync(console));
        Assert.InRange(await shoppers.ShareAsync(source), 1, 100);
        Assert.Empty(shoppers.FailedSince(begun));
    }

    [Fact]
    public async Task RollingAndBlueGreen_StandbyServiceStopped_IsStartedAndTheWayBackIsOneCutover()
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet, Quick);
        await console.SettledAsync();
        var (source, target) = (console.Primary, console.Primary == "us-west-2" ? "us-east-1" : "us-west-2");
        var before = await WeightsAsync(console);
        var shell = console.Get<IHostShell>();
        await shell.RunAsync(target, "api.stop");
        await Eventually.TrueAsync(() => shell.RunAsync(target, "api.status").GetAwaiter().GetResult().ExitCode != 0, "the standby service is stopped");
        // Seen before the move, so that the move waits until it is seen to be well again.
        await Eventually.TrueAsync(() => console.Picture.Regions[target].Status is HealthStatus.Critical or HealthStatus.Failed, "the region is seen to be critical", TimeSpan.FromSeconds(60));

        var request = FailoverConsole.Request(source, target, planned: true, "immediate", "target-healthy");
        request["scope"] = "rolling";
        var operation = await console.RunAsync(request, TimeSpan.FromSeconds(120));
        var story = await console.StoryAsync(operation);
        TestContext.Current.TestOutputHelper?.WriteLine(story);
        if (operation.State != OperationState.Succeeded) await shell.RunAsync(target, "api.start"); // the other tests need it
        Assert.True(operation.State == OperationState.Succeeded, story);
        Assert.Equal(StepState.Done, operation.Steps.Single(s => s.Name == $"Start {target}-orders").State);
        var order = operation.Plan.Steps.Select(s => s.Step).Where(s => s is StartService.StepName or ShiftTraffic.StepName or WatchTarget.StepName or PromoteCache.StepName or Promote.StepName or RunHook.StepName).ToList();
        Assert.Equal([StartService.StepName, StartService.StepName, ShiftTraffic.StepName, WatchTarget.StepName, PromoteCache.StepName, WatchTarget.StepName, Promote.StepName, RunHook.StepName], order);

        await console.SettledAsync(target);
        await using var shoppers = new Shoppers(fleet);
        await using var writer = await Writer.StartAsync(fleet);
        await Eventually.TrueAsync(() => writer.Count > 20, "writes");
        var begun = TimeProvider.System.GetUtcNow();
        var cutOver = await console.RunAsync(FailoverConsole.Request(target, source, planned: true, "blueGreen"));
        story = await console.StoryAsync(cutOver);
        TestContext.Current.TestOutputHelper?.WriteLine(story);
        Assert.True(cutOver.State == OperationState.Succeeded, story);
        await writer.StopAsync();
        Assert.Empty(writer.Errors);
        Assert.Empty(await writer.LostAsync(source));
        Assert.Equal(0, await shoppers.ShareAsync(target));
        Assert.Empty(shoppers.FailedSince(begun));
        await console.Get<TrafficEdge>().SetWeightsAsync(before, default); // as the other tests expect it
        await console.SettledAsync(source);
    }

    private static JsonObject Partial(string source, string target, string strategy)
    {
        var request = FailoverConsole.Request(source, target, planned: true, strategy);
        request["scope"] = "partial";
        request["services"] = new JsonArray($"{source}-orders");
        return request;
    }

    private static async Task<Operation> BackAsync(FailoverConsole console, Operation operation)
    {
        var reverse = console.Get<FailoverPlanner>().Reverse(operation)!;
        var back = await console.RunAsync(reverse);
        Assert.True(back.State == OperationState.Succeeded, await console.StoryAsync(back));
        return back;
    }

    private static async Task<IReadOnlyDictionary<string, int>> WeightsAsync(FailoverConsole console) =>
        new SortedDictionary<string, int>((await console.Get<TrafficEdge>().WeightsAsync(default)).ToDictionary(), StringComparer.Ordinal);
}
