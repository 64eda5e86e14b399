using System.Text.Json.Nodes;
using OpsConsole.Core.Failover.Topology;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Tests.Failover;

public sealed class TopologyRulesTests
{
    [Theory]
    [InlineData(TopologyAction.Repoint)]
    [InlineData(TopologyAction.AddStandby)]
    [InlineData(TopologyAction.Rejoin)]
    public void Evaluate_HealthyStandby_Passes(TopologyAction action) => Assert.All(Checks(action, "ap", "us"), c => Assert.Equal(CheckVerdict.Passed, c.Verdict));

    [Theory]
    [InlineData(TopologyAction.Repoint)]
    [InlineData(TopologyAction.AddStandby)]
    [InlineData(TopologyAction.Rejoin)]
    [InlineData(TopologyAction.DropSlots)]
    public void Evaluate_ThePrimary_Blocks(TopologyAction action) => Assert.Contains(Checks(action, "us", "west"), c => c is { Id: "node-is-no-primary", Verdict: CheckVerdict.Blocking });

    [Fact]
    public void Evaluate_ReturnedOldPrimaryThatThinksItIsOne_MayRejoinButNotBeRepointed()
    {
        var split = PreflightWorld.Node("ap", n => n with { Role = NodeRole.Primary });
        Assert.DoesNotContain(Checks(TopologyAction.Rejoin, "ap", "us", split), c => c.Verdict == CheckVerdict.Blocking);
        Assert.Contains(Checks(TopologyAction.Repoint, "ap", "us", split), c => c is { Id: "node-is-no-primary", Verdict: CheckVerdict.Blocking });
    }

    [Fact]
    public void Evaluate_TooFewOtherStandbys_Blocks() =>
        Assert.Contains(Checks(TopologyAction.AddStandby, "ap", "us", PreflightWorld.Node("eu", n => n with { ReceiverStatus = null })), c => c is { Id: "commits-go-on", Verdict: CheckVerdict.Blocking });

    [Theory]
    [InlineData(false, "streaming")]
    [InlineData(true, null)]
    public void Evaluate_UpstreamThatDoesNotServe_Blocks(bool reachable, string? receiver) =>
        Assert.Contains(Checks(TopologyAction.Repoint, "ap", "west", PreflightWorld.Node("west", n => n with { Reachable = reachable, ReceiverStatus = receiver })), c => c is { Id: "upstream-serves", Verdict: CheckVerdict.Blocking });

    [Theory]
    [InlineData(true, CheckVerdict.Blocking)]
    [InlineData(false, CheckVerdict.Passed)]
    public void Evaluate_SlotsInUse_AreNotDropped(bool active, CheckVerdict expected) =>
        Assert.Equal(expected, Checks(TopologyAction.DropSlots, "ap", null, c => c with { Slots = [new SlotState("us", "ap", active, 4096, "reserved")] }).Single(c => c.Id == "slots-idle").Verdict);

    [Fact]
    public void Evaluate_NothingMeasured_Blocks() =>
        Assert.All(TopologyRules.Evaluate(new TopologyRequest("orders", TopologyAction.Repoint, "ap", "us"), PreflightWorld.Fleet().Clusters["orders"], null), c => Assert.Equal(CheckVerdict.Blocking, c.Verdict));

    [Theory]
    [InlineData("""{"cluster":"nope","action":"repoint","region":"ap","upstream":"us"}""")]
    [InlineData("""{"cluster":"orders","action":"explode","region":"ap","upstream":"us"}""")]
    [InlineData("""{"cluster":"orders","action":"repoint","region":"mars","upstream":"us"}""")]
    [InlineData("""{"cluster":"orders","action":"repoint","region":"ap","upstream":"ap"}""")]
    [InlineData("""{"cluster":"orders","action":"repoint","region":"ap","upstream":"eu"}""")] // no link is declared
    [InlineData("""{"cluster":"orders","action":"repoint","region":"ap"}""")]
    public void Read_RequestThatMakesNoSense_IsRefused(string request) =>
        Assert.Throws<RequestRefusedException>(() => Planner().Read(JsonNode.Parse(request)!.AsObject()));

    [Fact]
    public void Build_EveryAction_IsAPlanThatCanRunAndHasItsOwnHash()
    {
        var registry = new StepRegistry(OpsConsole.Core.Failover.FailoverRegistration.Steps.Select(t => (IStep)Activator.CreateInstance(t, [null])!));
        var plans = Enum.GetValues<TopologyAction>().Select(a => Planner().Build(new TopologyRequest("orders", a, "ap", a == TopologyAction.DropSlots ? null : "us"))).ToList();
        Assert.All(plans, p => Assert.Empty(p.Mistakes(registry)));
        Assert.Equal(4, plans.Select(p => p.Hash).Distinct().Count());
        // Replacing a node's data is agreed with somebody; re-pointing one is not.
        Assert.Equal(Severity.Medium, plans[(int)TopologyAction.AddStandby].Severity);
    }

    private static TopologyPlanner Planner() => new(PreflightWorld.Fleet(f => f.Links = [.. f.Regions.Where(r => r.Id != "us").Select(r => new LinkOptions { Cluster = "orders", Source = "us", Target = r.Id, Address = "127.0.0.1:1" })]), new FleetFeed());

    private static List<PreflightCheck> Checks(TopologyAction action, string region, string? upstream, Func<ClusterState, ClusterState>? spoil = null) =>
        [.. TopologyRules.Evaluate(new TopologyRequest("orders", action, region, upstream), PreflightWorld.Fleet().Clusters["orders"], PreflightWorld.Picture(spoil).Clusters["orders"])];
}
