using System.Text.Json.Nodes;
using OpsConsole.Core.Chaos;
using OpsConsole.Core.Drills;
using OpsConsole.Core.Drills.Schedules;
using OpsConsole.Core.Failover;
using OpsConsole.Core.Failover.Steps;
using OpsConsole.Core.Failover.Topology;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Tests.Failover;
using OpsConsole.Core.Tests.Live;

namespace OpsConsole.Core.Tests.Operations;

/// <summary>Plans as the planners make them, in a scripted world: each step keeps its marks (reversible, forward-only, critical, optional) and acts on a fact. The process
/// dies at every moment. Backups, proofs, expirations and experiments have tests of their own, with their own steps.</summary>
public sealed class RealPlanCrashTests
{
    private static readonly StillFeed Still = new(FleetSnapshot.Empty);

    public static TheoryData<string> Kinds => ["switchover", "failover", "lossy failover", "traffic only", "rejoin", "repoint", "addStandby", "dropSlots", "drill"];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task Run_RealPlanKilledAtEveryMoment_ComesToItsEndAndPromotesOnce(string kind)
    {
        var plan = await PlanAsync(kind);
        await CrashTests.KillEverywhereAsync(Words(plan), "other", request => request["undoAtEnd"] = plan.UndoAtEnd, (operation, world, moment) =>
        {
            Assert.True(operation.State == OperationState.Succeeded, $"{moment}: {operation.State} {operation.EndReason}");
            Assert.Equal(plan.Steps.Length, operation.Steps.Length);
            if (plan.UndoAtEnd) Assert.All(world.Facts, f => Assert.True(f.Value == "initial", $"{moment}: {f.Key}"));
            else Assert.All(operation.Steps, s => Assert.True(s.State == StepState.Done, $"{moment}: {s}"));
            Assert.All(world.Acts.Where(a => a.Key.StartsWith("promote", StringComparison.Ordinal)), a => Assert.Equal(1, a.Value));
        });
    }

    private static async Task<Plan> PlanAsync(string kind)
    {
        var fleet = FailoverPlannerTests.Fleet();
        JsonObject Move(bool planned, params string[] overrides)
        {
            var request = FailoverPlannerTests.Request("immediate", planned, "full");
            request["overrides"] = new JsonArray([.. overrides.Select(o => (JsonNode)o)]);
            return request;
        }
        JsonObject Traffic()
        {
            var request = FailoverPlannerTests.Request("canary", true, "partial");
            request["services"] = new JsonArray("us-api");
            return request;
        }
        JsonObject Node(string action) => new() { ["cluster"] = "orders", ["action"] = action, ["region"] = "us", ["upstream"] = "west" };
        return kind switch
        {
            "switchover" => await FailoverPlannerTests.Planner.PlanAsync(Move(true), default),
            "failover" => await FailoverPlannerTests.Planner.PlanAsync(Move(false), default),
            "lossy failover" => await FailoverPlannerTests.Planner.PlanAsync(Move(false, "no-loss"), default),
            "traffic only" => await FailoverPlannerTests.Planner.PlanAsync(Traffic(), default),
            "rejoin" => await new RejoinPlanner(fleet).PlanAsync(Node(""), default),
            "drill" => await new DrillPlanner(fleet, new TargetResolver(fleet, Still, null!, new ChaosOptions()), null!, new DrillsOptions()).PlanAsync(new JsonObject { ["suite"] = "databaseFailover", ["cluster"] = "orders", ["source"] = "us", ["target"] = "west" }, default),
            _ => new TopologyPlanner(fleet, Still).Build(new TopologyRequest("orders", Enum.Parse<TopologyAction>(kind, ignoreCase: true), "us", "west")),
        };
    }

    private static string Words(Plan plan) => string.Join(' ', plan.Steps.Select((step, i) => step.Reversibility switch
    {
        Reversibility.Neutral => "wait",
        _ when step.Step == Promote.StepName => $"once:promote{i}!",
        Reversibility.ForwardOnly => $"set:s{i}!",
        _ => $"set:s{i}",
    } + (step.Critical ? "*" : "") + (step.Optional ? "?" : "") + (step.AfterUndo ? "~" : "")));
}
