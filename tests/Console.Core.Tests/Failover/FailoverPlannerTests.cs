using System.Text.Json.Nodes;
using OpsConsole.Core.Failover;
using OpsConsole.Core.Failover.Steps;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Tests.Failover;

public sealed class FailoverPlannerTests
{
    private static readonly string[] Regions = ["us", "west", "eu", "ap"];
    internal static readonly FailoverPlanner Planner = new(Fleet(), new NoFacts(), new FailoverOptions());

    [Theory]
    [CombinatorialPlans]
    public void Build_EveryStrategyAndScope_IsAPlanThatCanRun(string strategy, bool planned, string scope)
    {
        var plan = Planner.Build(Planner.Read(Request(strategy, planned, scope)));
        var registry = new StepRegistry(FailoverRegistration.Steps.Select(t => (IStep)Activator.CreateInstance(t, [null])!));

        Assert.Empty(plan.Mistakes(registry));
        Assert.Equal(plan.Hash, Planner.Build(Planner.Read(Request(strategy, planned, scope))).Hash);
        Assert.Equal(OpenFleet.StepName, plan.Steps[0].Step);
        Assert.True(Index(plan, Measure.StepName) > Index(plan, VerifyService.StepName));
        var promote = Index(plan, Promote.StepName);
        // Nothing that can be taken back stands behind the promotion as if it could be, and no client is let in before commits are confirmed.
        Assert.True(Index(plan, CommitInForce.StepName) > promote && Index(plan, LeadWrites.StepName) > Index(plan, CommitInForce.StepName));
        Assert.True(Index(plan, VerifyService.StepName) > Index(plan, LeadWrites.StepName));
        if (planned) Assert.True(Index(plan, PauseClients.StepName) < Index(plan, StopSource.StepName) && Index(plan, CompareLog.StepName) < promote);
        else Assert.True(Index(plan, CutWrites.StepName) < Index(plan, DetachStandbys.StepName) && Index(plan, DetachStandbys.StepName) < promote);
    }

    [Fact]
    public void Build_Gradual_WatchesEveryShareAndMovesTheDatabaseOnceAfterThem()
    {
        var plan = Planner.Build(Planner.Read(Request("gradual", true, "full")));
        var shifts = plan.Steps.Where(s => s.Step == ShiftTraffic.StepName).Select(s => s.Parameters["percent"]!.GetValue<int>()).ToList();
        Assert.Equal([10, 25, 50, 75, 100], shifts);
        Assert.Equal(5, plan.Steps.Count(s => s.Step == WatchTarget.StepName));
        Assert.Single(plan.Steps, s => s.Step == Promote.StepName);
        Assert.True(Index(plan, Promote.StepName) > plan.Steps.Select((s, i) => (s, i)).Last(p => p.s.Step == WatchTarget.StepName).i);
    }

    [Fact]
    public void Build_LossOverridden_FencesBeforeThePromotionAndHasAnotherHash()
    {
        var usual = Planner.Build(Planner.Read(Request("immediate", false, "full")));
        var request = Request("immediate", false, "full");
        request["overrides"] = new JsonArray("no-loss");
        var lossy = Planner.Build(Planner.Read(request));
        Assert.True(Index(usual, FenceSource.StepName) > Index(usual, Promote.StepName));
        Assert.True(Index(lossy, FenceSource.StepName) < Index(lossy, Promote.StepName));
        Assert.NotEqual(usual.Hash, lossy.Hash);
        Assert.Equal("no-loss", Assert.Single(lossy.Overrides).Check);
        Assert.Equal(0, usual.Bounds["maxLostBytes"]);
        Assert.False(lossy.Bounds.ContainsKey("maxLostBytes"));
    }

    [Fact]
    public void Build_LossIsBounded_ThePlanSaysSoIsHeldToItAndHasAnotherHash()
    {
        var request = Request("immediate", false, "full");
        request["overrides"] = new JsonArray("no-loss");
        var boundless = Planner.Build(Planner.Read(request));
        request["maxLostBytes"] = 4096L;
        var bounded = Planner.Build(Planner.Read(JsonNode.Parse(request.ToJsonString())!.AsObject()));
        Assert.NotEqual(boundless.Hash, bounded.Hash);
        Assert.Equal(4096, bounded.Bounds["maxLostBytes"]);
        var catchUp = bounded.Steps[Index(bounded, CatchUp.StepName)];
        Assert.Equal(4096, catchUp.Parameters["maxLostBytes"]!.GetValue<long>());
        Assert.Contains("more than 4096 bytes", catchUp.Detail, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(false, true, -1)]
    [InlineData(false, false, 4096)] // nothing may be lost
    [InlineData(true, true, 4096)] // a switchover loses nothing
    public void Read_BoundOfALossThatIsNotAccepted_IsRefusedWithTheField(bool planned, bool overridden, long bytes)
    {
        var request = Request("immediate", planned, "full");
        if (overridden) request["overrides"] = new JsonArray("no-loss");
        request["maxLostBytes"] = bytes;
        Assert.Contains("maxLostBytes", Assert.Throws<RequestRefusedException>(() => Planner.Read(request)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Read_OverrideOfNoCheck_IsRefusedWithTheKnownOnes()
    {
        var request = Request("immediate", false, "full");
        request["overrides"] = new JsonArray("no-loss", "luck");
        var refused = Assert.Throws<RequestRefusedException>(() => Planner.Read(request));
        Assert.Contains("luck. There are picture-fresh", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("cluster", "nope")]
    [InlineData("source", "nope")]
    [InlineData("target", "us")]
    [InlineData("strategy", "sudden")]
    [InlineData("strategy", null)]
    [InlineData("planned", null)]
    [InlineData("scope", "partial")]
    public void Read_RequestThatMakesNoSense_IsRefusedWithTheField(string field, string? value)
    {
        var request = Request("immediate", true, "full");
        request[field] = value;
        var refusal = Assert.Throws<RequestRefusedException>(() => Planner.Read(request));
        Assert.Equal("request", refusal.Rule);
    }

    [Fact]
    public void Build_DeclaredServices_AreStartedInOrderScaledAndTheCacheAndTheHookGoWithThem()
    {
        var planned = Planner.Build(Planner.Read(Request("gradual", true, "full")));
        Assert.Equal(["west-cache", "west-api"], planned.Steps.Where(s => s.Step == StartService.StepName).Select(s => s.Parameters["service"]!.GetValue<string>()));
        Assert.All(planned.Steps.Where(s => s.Step is StartService.StepName or ScaleService.StepName or PromoteCache.StepName), s => Assert.Equal(Reversibility.Reversible, s.Reversibility));
        Assert.Equal(200, planned.Steps.Single(s => s.Step == ScaleService.StepName).Parameters["percent"]!.GetValue<double>());
        // All that can be taken back comes before the promotion, and the services before their traffic.
        Assert.True(Index(planned, StartService.StepName) < Index(planned, ShiftTraffic.StepName) && Index(planned, PromoteCache.StepName) < Index(planned, Promote.StepName));
        Assert.True(Index(planned, RunHook.StepName) > Index(planned, Promote.StepName));
        Assert.Equal(["ap-cache", "eu-cache", "us-cache"], planned.Steps.Single(s => s.Step == PromoteCache.StepName).Parameters["others"]!.AsArray().Select(o => o!.GetValue<string>()).Order());

        var lost = Planner.Build(Planner.Read(Request("immediate", false, "full")));
        Assert.True(Index(lost, StartService.StepName) > Index(lost, Promote.StepName) && Index(lost, ShiftTraffic.StepName) > Index(lost, RunHook.StepName));
        // Behind the promotion a service that does not start must not keep the traffic from moving.
        Assert.All(lost.Steps.Where(s => s.Step is StartService.StepName or ScaleService.StepName or PromoteCache.StepName or RunHook.StepName), s => Assert.True(s.Optional));
    }

    [Fact]
    public void Build_PartialWithoutDatabase_MovesTrafficOnlyAndCanBeTakenBackThroughout()
    {
        var request = Request("blueGreen", true, "partial");
        request["services"] = new JsonArray("us-api");
        var plan = Planner.Build(Planner.Read(request));
        Assert.DoesNotContain(plan.Steps, s => s.Step is Promote.StepName or PauseClients.StepName or PromoteCache.StepName || s.Reversibility == Reversibility.ForwardOnly);
        Assert.Equal(100, Assert.Single(plan.Steps, s => s.Step == ShiftTraffic.StepName).Parameters["percent"]!.GetValue<int>());
        Assert.True(Index(plan, RunHook.StepName) < Index(plan, ShiftTraffic.StepName));
    }

    [Fact]
    public void Build_TakingBack_RestoresTheWeightsFromBefore()
    {
        var request = Request("immediate", true, "full");
        request["restoreWeights"] = new JsonObject { ["us"] = 100, ["west"] = 75 };
        var plan = Planner.Build(Planner.Read(request));
        Assert.Equal(100, Assert.Single(plan.Steps, s => s.Step == ShiftTraffic.StepName).Parameters["weights"]!["us"]!.GetValue<int>());
        Assert.NotEqual(plan.Hash, Planner.Build(Planner.Read(Request("immediate", true, "full"))).Hash);
    }

    [Fact]
    public async Task Build_LostRegionHasABackupRepository_ItLeavesTheLogsWayAfterTheRejoinAndReturnsWithTheNextOne()
    {
        var lost = Planner.Build(Planner.Read(Request("immediate", false, "full")));
        var leave = lost.Steps.Single(s => s.Step == LeaveLogDestination.StepName);
        Assert.True(leave.Optional && leave.Reversibility == Reversibility.Reversible);
        Assert.True(Index(lost, LeaveLogDestination.StepName) > Index(lost, RejoinSource.StepName));
        Assert.DoesNotContain(Planner.Build(Planner.Read(Request("immediate", true, "full"))).Steps, s => s.Step == LeaveLogDestination.StepName);

        Assert.Equal(ReturnLogDestination.StepName, (await RejoinAsync("us", "west")).Steps[^1].Step);
        Assert.DoesNotContain((await RejoinAsync("eu", "west")).Steps, s => s.Step == ReturnLogDestination.StepName);

        static Task<Plan> RejoinAsync(string region, string upstream) =>
            new RejoinPlanner(Fleet()).PlanAsync(new JsonObject { ["cluster"] = "orders", ["region"] = region, ["upstream"] = upstream }, default);
    }

    private static int Index(Plan plan, string step) => plan.Steps.Select((s, i) => (s, i)).First(p => p.s.Step == step).i;

    internal static JsonObject Request(string strategy, bool planned, string scope) => new()
    { ["cluster"] = "orders", ["source"] = "us", ["target"] = "west", ["strategy"] = strategy, ["planned"] = planned, ["scope"] = scope, ["services"] = new JsonArray() };

    internal static FleetModel Fleet() => new(new FleetOptions
    {
        Regions = [.. Regions.Select((r, i) => new RegionOptions { Id = r, Priority = i + 1, CapacityRps = 100, Shell = new ShellOptions { Commands = { ["postgres.start"] = "x", ["failover.hook"] = "x", ["failover.unhook"] = "x", ["log.leave"] = "x", ["log.return"] = "x" } } })],
        BackupRepositories = [new BackupRepositoryOptions { Id = "us-store", Region = "us" }, new BackupRepositoryOptions { Id = "west-store", Region = "west" }],
        Services = [.. Regions.SelectMany(r => new[] { new ServiceOptions { Id = $"{r}-db", Region = r, Kind = ServiceKind.Database }, 
            new ServiceOptions { Id = $"{r}-api", Region = r, Kind = ServiceKind.Api, DependsOn = [$"{r}-db", $"{r}-cache"], Commands = { ["start"] = "x", ["stop"] = "x", ["scale"] = "x" } },
            new ServiceOptions
            {
                Id = $"{r}-cache", Region = r, Kind = ServiceKind.Cache, Commands = { ["start"] = "x", ["stop"] = "x" }, Probes = [new ProbeOptions { Kind = ProbeKind.Redis, Target = "127.0.0.1:1" }],
                Peers = Regions.Where(o => o != r).ToDictionary(o => $"{o}-cache", o => "127.0.0.1:1"),
            } })],
        Clusters = [new ClusterOptions { Id = "orders", SynchronousStandbys = 2, PrimaryRegion = "us", Nodes = [.. Regions.Select(r => new ClusterNodeOptions { Region = r })] }],
        TrafficManagers =
        [
            new TrafficManagerOptions { Id = "proxy", Kind = TrafficManagerKind.HaProxy, HttpBackend = "http", WriteBackend = "write" },
            new TrafficManagerOptions { Id = "pool", Kind = TrafficManagerKind.PgBouncer, Databases = { ["orders"] = "orders" } },
        ],
    });

    private sealed class NoFacts : IFailoverFacts
    {
        public Task<PreflightFacts> GatherAsync(string cluster, CancellationToken cancel) => throw new NotSupportedException();
    }

    private sealed class CombinatorialPlansAttribute : Xunit.v3.DataAttribute
    {
        public override ValueTask<IReadOnlyCollection<Xunit.ITheoryDataRow>> GetData(System.Reflection.MethodInfo testMethod, Xunit.Sdk.DisposalTracker disposalTracker) =>
            ValueTask.FromResult<IReadOnlyCollection<Xunit.ITheoryDataRow>>([.. from strategy in new[] { "immediate", "gradual", "canary", "blueGreen" } from planned in new[] { true, false } from scope in new[] { "full", "rolling" }
                select new Xunit.TheoryDataRow<string, bool, string>(strategy, planned, scope)]);

        public override bool SupportsDiscoveryEnumeration() => true;
    }
}
