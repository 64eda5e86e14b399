using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Nodes;
using OpsConsole.Core.Chaos;
using OpsConsole.Core.Drills.Schedules;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Drills;

/// <summary>Plans drills: <c>{suite, source?, target?, cluster?}</c>. Without a pair the primary's region and the next one by priority are meant.</summary>
public sealed class DrillPlanner(FleetModel fleet, TargetResolver targets, ExperimentGuards guards, DrillsOptions options) : IPlanner
{
    public string Kind => OperationKinds.Drill;

    public Task<Plan> PlanAsync(JsonObject request, CancellationToken cancel) => Task.FromResult(Build(SuiteOf(request), PairOf(request)));

    /// <summary>One that disturbs nothing may always look; the others keep to the rules of experiments.</summary>
    public async Task<Preflight> PreflightAsync(Plan plan, CancellationToken cancel)
    {
        var first = plan.Steps[0].Parameters;
        if (DrillSuites.Parse(first["suite"]!.ToString()) is not { } suite || !DrillSuites.Disrupts(suite)) return Preflight.Nothing;
        return new Preflight { Checks = [.. await guards.CommonAsync([first["source"]!.ToString(), first["target"]!.ToString()], [first["cluster"]!.ToString()], cancel)] };
    }

    public static DrillSuite SuiteOf(JsonObject request) => DrillSuites.Parse(request["suite"]?.ToString() ?? "")
        ?? throw new RequestRefusedException("suite", $"'{request["suite"]}' is no suite: give one of {DrillSuites.Words}.");

    /// <exception cref="RequestRefusedException">unknown, or no pair of the cluster</exception>
    public DrillPair PairOf(JsonObject request)
    {
        var id = request["cluster"]?.ToString() ?? fleet.Options.Clusters.FirstOrDefault()?.Id ?? throw new RequestRefusedException("cluster", "The fleet declares no cluster.");
        if (!fleet.Clusters.TryGetValue(id, out var cluster)) throw new RequestRefusedException("cluster", $"'{id}' is no declared cluster.");
        var source = request["source"]?.ToString() ?? targets.PrimaryOf(id) ?? cluster.PrimaryRegion;
        var target = request["target"]?.ToString() ?? cluster.Nodes.Select(n => n.Region).Where(r => r != source).OrderBy(r => fleet.Regions[r].Priority).First();
        foreach (var (name, region) in new[] { ("source", source), ("target", target) })
        {
            if (cluster.Nodes.All(n => n.Region != region)) throw new RequestRefusedException(name, $"{region} has no node of {id}.");
        }
        if (source == target) throw new RequestRefusedException("target", "Choose another region than the source.");
        return new DrillPair(id, source, target);
    }

    private Plan Build(DrillSuite suite, DrillPair pair)
    {
        var items = DrillSuites.Of(suite);
        var moves = items.Any(i => i.Kind == DrillItemKind.Move);
        if (moves && targets.PrimaryOf(pair.Cluster) is { } primary && primary != pair.Source)
            throw new RequestRefusedException("source", $"The primary of {pair.Cluster} is in {primary}: a move begins there.");
        return new Plan
        {
            Kind = Kind,
            Title = $"{DrillSuites.Title(suite)}: {pair.Source} to {pair.Target}",
            Severity = fleet.Options.Environment == FleetEnvironment.Production && DrillSuites.Disrupts(suite) && DrillSuites.Severity(suite) < Severity.Critical ? DrillSuites.Severity(suite) + 1 : DrillSuites.Severity(suite),
            Targets = [new PlanTarget($"drill:{pair.Cluster}:{pair.Source}>{pair.Target}", ResourceClass.Fault), .. moves ? [new PlanTarget($"move:cluster:{pair.Cluster}", ResourceClass.Fault)] : Array.Empty<PlanTarget>()],
            Steps = [.. items.Select(i => Step(i.Kind == DrillItemKind.Experiment ? i with { Seconds = options.ExperimentSeconds } : i, suite, pair)), Verdict(suite, pair)],
            Bounds = ImmutableSortedDictionary<string, double>.Empty.Add("tests", items.Count),
            UndoAtEnd = true,
        };
    }

    private static PlanStep Step(DrillItem item, DrillSuite suite, DrillPair pair) => item.Kind switch
    {
        DrillItemKind.Test => new PlanStep { Step = DrillTestStep.StepName, Name = item.Name, Reversibility = Reversibility.Neutral, Parameters = Parameters(item, suite, pair), TimeoutSeconds = 120, Optional = true },
        DrillItemKind.Move => new PlanStep
        {
            Step = DrillMoveStep.StepName, Name = item.Name, Detail = $"{pair.Cluster} from {pair.Source} to {pair.Target}, as a switchover of its own.", Undo = $"Switched back to {pair.Source}.",
            Parameters = Parameters(item, suite, pair), TimeoutSeconds = 300,
        },
        DrillItemKind.Experiment => new PlanStep
        {
            Step = DrillChildStep.StepName, Name = item.Name, Detail = $"The experiment {item.What} for {item.Seconds} s, as an operation of its own.", Undo = "The experiment is ended and has put everything back.",
            Parameters = Parameters(item, suite, pair), TimeoutSeconds = item.Seconds + 300,
        },
        _ => new PlanStep
        {
            Step = DrillChildStep.StepName, Name = item.Name, Detail = "Checksums, a restore into an instance of its own, queries.", Undo = "The instance is gone.", Parameters = Parameters(item, suite, pair), TimeoutSeconds = item.Seconds,
        },
    };

    private static PlanStep Verdict(DrillSuite suite, DrillPair pair) => new()
    {
        Step = DrillVerdictStep.StepName, Name = "Count what passed", Reversibility = Reversibility.Neutral, Parameters = Parameters(new DrillItem(DrillItemKind.Test, "", ""), suite, pair), TimeoutSeconds = 30,
    };

    private static JsonObject Parameters(DrillItem item, DrillSuite suite, DrillPair pair) => new()
    {
        ["suite"] = JsonNamingPolicy.CamelCase.ConvertName(suite.ToString()), ["cluster"] = pair.Cluster, ["source"] = pair.Source, ["target"] = pair.Target,
        ["item"] = item.Kind.Word(), ["what"] = item.What, ["seconds"] = item.Seconds,
    };
}
