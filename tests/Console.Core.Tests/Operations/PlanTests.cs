using System.Collections.Immutable;
using System.Text.Json.Nodes;
using CsCheck;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Tests.Operations;

public sealed class PlanTests
{
    [Theory]
    [InlineData("""{"b":1,"a":[1.0,1e2,0.10,-0,12345678901234567890.5]}""", """{"a":[1,100,0.1,0,12345678901234567890.5],"b":1}""")]
    [InlineData("""{ "z" : null, "é":"ü\u0041\n", "Z":true }""", "{\"Z\":true,\"z\":null,\"é\":\"üA\\n\"}")]
    [InlineData("""{"tiny":1e-320,"huge":1e300}""", """{"huge":1E+300,"tiny":1E-320}""")]
    public void Canonical_SameMeaning_SameText(string json, string expected) => Assert.Equal(expected, OperationJson.Canonical(JsonNode.Parse(json)));

    [Fact]
    public void Hash_KeysInAnotherOrder_IsTheSame()
    {
        var one = Plan(new JsonObject { ["percent"] = 10, ["region"] = "x" });
        var other = Plan(new JsonObject { ["region"] = "x", ["percent"] = 10.0 });

        Assert.Equal(one.Hash, other.Hash);
        Assert.Equal(one.Hash, OpsConsole.Core.Operations.Plan.Read(one.Canonical).Hash);
        Assert.Equal("0d1ce56eedfe6ca4", Short(one.Hash));
    }

    [Fact]
    public void Hash_AnythingThatWouldRunChanges_IsAnother()
    {
        var plan = Plan(new JsonObject { ["percent"] = 10 });
        Plan[] altered =
        [
            plan with { Title = "other" },
            plan with { Severity = Severity.Low },
            plan with { Targets = [new PlanTarget("cluster:other", ResourceClass.Topology)] },
            plan with { Targets = [new PlanTarget("cluster:orders", ResourceClass.Data)] },
            plan with { Steps = [plan.Steps[0] with { Parameters = new JsonObject { ["percent"] = 11 } }] },
            plan with { Steps = [plan.Steps[0] with { Undo = "otherwise" }] },
            plan with { Steps = [plan.Steps[0] with { Reversibility = Reversibility.ForwardOnly }] },
            plan with { Steps = [plan.Steps[0] with { TimeoutSeconds = 1 }] },
            plan with { Steps = [plan.Steps[0], plan.Steps[0]] },
            plan with { Overrides = [new PlanOverride("lag")] },
            plan with { Bounds = plan.Bounds.SetItem("maxLagSeconds", 61) },
            plan with { CommitWindowSeconds = 60 },
        ];

        Assert.Equal(altered.Length + 1, altered.Append(plan).Select(p => p.Hash).Distinct().Count());
        Assert.All(altered, a => Assert.NotEmpty(PlanDifference.Between(plan, a)));
    }

    [Fact]
    public void Difference_OfParameters_NamesThePath()
    {
        var before = Plan(new JsonObject { ["percent"] = 10, ["gone"] = "x" });
        var after = Plan(new JsonObject { ["percent"] = 25 });

        Assert.Equal(
            [new PlanChange("steps[0].parameters.gone", "\"x\"", null), new PlanChange("steps[0].parameters.percent", "10", "25")],
            PlanDifference.Between(before, after));
    }

    [Fact]
    public void Canonical_AnyNumber_SurvivesARoundTrip() => Gen.Double.Where(double.IsFinite).Sample(number =>
    {
        var once = OperationJson.Canonical(JsonValue.Create(number));
        return OperationJson.Canonical(JsonNode.Parse(once)) == once && double.Parse(once, System.Globalization.CultureInfo.InvariantCulture) == number;
    });

    [Fact]
    public void Mistakes_OfABrokenPlan_AreAllNamed()
    {
        var plan = Plan([]) with
        {
            UndoAtEnd = true,
            Steps =
            [
                new PlanStep { Step = "unknown", Name = "a", TimeoutSeconds = 0, Attempts = 0, Critical = true },
                new PlanStep { Step = "test.wait", Name = "b", Reversibility = Reversibility.ForwardOnly },
                new PlanStep { Step = "test.wait", Name = "c", Reversibility = Reversibility.Neutral, Critical = true },
            ],
        };

        Assert.Equal(6, plan.Mistakes(new StepRegistry([new WaitStep()])).Count());
    }

    private static string Short(string hash) => hash[..16];

    private static Plan Plan(JsonObject parameters) => new()
    {
        Kind = "test",
        Title = "Try",
        Targets = [new PlanTarget("cluster:orders", ResourceClass.Topology)],
        Steps = [new PlanStep { Step = "test.set", Name = "set", Undo = "set it back", Parameters = parameters }],
        Bounds = ImmutableSortedDictionary<string, double>.Empty.Add("maxLagSeconds", 60),
    };
}
