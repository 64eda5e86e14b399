using System.Collections.Immutable;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Chaos;

/// <summary>Plans experiments: <c>{experiment, durationSeconds?, intensityPercent?}</c>. The plan names the targets as they are resolved now, so an
/// approval is for exactly these.</summary>
public sealed class ExperimentPlanner(ExperimentLibrary library, TargetResolver targets, ExperimentGuards guards, FleetModel fleet, ChaosOptions options) : IPlanner
{
    public string Kind => OperationKinds.Experiment;

    public async Task<Plan> PlanAsync(JsonObject request, CancellationToken cancel) => Build(await ReadAsync(request, cancel));

    public Task<Preflight> PreflightAsync(Plan plan, CancellationToken cancel) => guards.CheckAsync(plan, cancel);

    /// <summary>An experiment with its targets as they are now.</summary>
    /// <exception cref="RequestRefusedException">unknown, out of its limits, or without a target that is allowed</exception>
    public async Task<ExperimentRun> ReadAsync(JsonObject request, CancellationToken cancel)
    {
        var experiment = library.Get(Text(request, "experiment") ?? throw new RequestRefusedException("experiment", "Name the experiment."));
        var duration = Number(request, "durationSeconds") ?? experiment.DurationSeconds ?? options.DefaultDurationSeconds;
        var intensity = Number(request, "intensityPercent") ?? experiment.IntensityPercent ?? options.DefaultIntensityPercent;
        if (duration < 1 || duration > options.MaxDurationSeconds) throw new RequestRefusedException("durationSeconds", $"{duration} s is outside 1 to {options.MaxDurationSeconds} s.");
        if (intensity is < 1 or > 100) throw new RequestRefusedException("intensityPercent", $"{intensity} % is outside 1 to 100 %.");
        ResolvedTargets resolved;
        try
        {
            resolved = await targets.ResolveAsync(experiment.Targets, cancel);
        }
        catch (FaultException unknown)
        {
            throw new RequestRefusedException("targets", unknown.Message);
        }
        if (resolved.Chosen.Count == 0)
            throw new RequestRefusedException("targets", resolved.Pool.Count == 0 ? $"The fleet has no target for it: {resolved.Words}." : $"None of its {resolved.Pool.Count} possible targets is on the allow list (Chaos:AllowList).");
        if (resolved.Chosen.Count > options.MaxTargets) throw new RequestRefusedException("targets", $"{resolved.Chosen.Count} targets are more than the {options.MaxTargets} that are allowed at once.");
        return new ExperimentRun(experiment, resolved, duration, intensity);
    }

    private Plan Build(ExperimentRun run)
    {
        var experiment = run.Experiment;
        var chosen = run.Targets.Chosen;
        return new Plan
        {
            Kind = Kind,
            Title = $"{experiment.Title} ({run.Targets.Words})",
            Severity = SeverityHere(experiment.Severity),
            Targets = [.. Claims(run).Distinct()],
            Steps =
            [
                new PlanStep
                {
                    Step = BeforeStep.StepName, Name = "Measure the steady state", Detail = string.Join("; ", experiment.Hypothesis), Reversibility = Reversibility.Neutral,
                    Parameters = Parameters(run), TimeoutSeconds = options.BaselineSeconds + 30,
                },
                .. chosen.Select(target => new PlanStep
                {
                    Step = InjectStep.StepName, Name = $"{FaultWords.Verb(experiment.Fault)} {target}", Detail = Detail(run), Undo = FaultWords.Undo(experiment.Fault), Parameters = FaultOf(run, target),
                    TimeoutSeconds = experiment.Fault == FaultKinds.DatabaseFailover ? 300 : 60,
                }),
                new PlanStep
                {
                    Step = DuringStep.StepName, Name = string.Create(CultureInfo.InvariantCulture, $"Watch for {run.DurationSeconds:0.#} s"), Detail = experiment.Abort.Length == 0 ? "" : $"Ends at once when {string.Join(" or ", experiment.Abort)}.",
                    Reversibility = Reversibility.Neutral, Parameters = Parameters(run), TimeoutSeconds = run.DurationSeconds + 60,
                },
                new PlanStep
                {
                    Step = AfterStep.StepName, Name = "Measure that the steady state is back", Detail = string.Join("; ", experiment.Hypothesis), Reversibility = Reversibility.Neutral, AfterUndo = true,
                    Parameters = Parameters(run), TimeoutSeconds = options.RecoverySeconds + 30,
                },
            ],
            Bounds = ImmutableSortedDictionary<string, double>.Empty.Add("durationSeconds", run.DurationSeconds).Add("targets", chosen.Count),
            UndoAtEnd = true,
        };
    }

    /// <summary>Production asks for more (CH-2).</summary>
    private Severity SeverityHere(Severity severity) => fleet.Options.Environment == FleetEnvironment.Production && severity < Severity.Critical ? severity + 1 : severity;

    /// <summary>Each target is one experiment's at a time; and in each cluster that is touched the experiment leaves a mark that a failover finds. The
    /// failover experiment leaves none: its own switchovers would end it.</summary>
    private IEnumerable<PlanTarget> Claims(ExperimentRun run)
    {
        foreach (var target in run.Targets.Chosen)
        {
            yield return run.Experiment.Fault == FaultKinds.DatabaseFailover ? new PlanTarget($"move:{target}", ResourceClass.Fault) : new PlanTarget(target, ResourceClass.Fault);
            if (run.Experiment.Fault == FaultKinds.DatabaseFailover) continue;
            foreach (var cluster in targets.ClustersOf(target)) yield return new PlanTarget($"cluster:{cluster}/{run.Experiment.Id}", ResourceClass.Fault);
        }
    }

    private JsonObject FaultOf(ExperimentRun run, string target)
    {
        var settings = (JsonObject)run.Experiment.Settings.DeepClone();
        if (run.Experiment.Fault == FaultKinds.DatabaseFailover)
        {
            var cluster = fleet.Clusters[target["cluster:".Length..]];
            var source = targets.PrimaryOf(cluster.Id) ?? throw new RequestRefusedException("primaryUnknown", $"Which node of {cluster.Id} is the primary is not known now: wait until the picture shows it.");
            settings["source"] = source;
            settings["target"] ??= cluster.Nodes.Select(n => n.Region).Where(r => r != source).OrderBy(r => fleet.Regions[r].Priority).First();
        }
        return new JsonObject
        {
            ["kind"] = run.Experiment.Fault, ["target"] = target, ["intensityPercent"] = run.IntensityPercent, ["durationSeconds"] = run.DurationSeconds, ["settings"] = settings,
        };
    }

    /// <summary>What the measuring steps need; the same for all of them.</summary>
    private JsonObject Parameters(ExperimentRun run) => new()
    {
        ["experiment"] = run.Experiment.Id,
        ["group"] = run.Experiment.Group.Word(),
        ["durationSeconds"] = run.DurationSeconds,
        ["canLoseData"] = run.Experiment.CanLoseData,
        ["hypothesis"] = JsonSerializer.SerializeToNode(run.Experiment.Hypothesis, OperationJson.Options),
        ["abort"] = JsonSerializer.SerializeToNode(run.Experiment.Abort, OperationJson.Options),
        ["targets"] = JsonSerializer.SerializeToNode(run.Targets.Chosen, OperationJson.Options),
        ["regions"] = JsonSerializer.SerializeToNode(run.Targets.Chosen.SelectMany(targets.RegionsOf).Distinct().Order(StringComparer.Ordinal), OperationJson.Options),
        ["clusters"] = JsonSerializer.SerializeToNode(run.Targets.Chosen.SelectMany(targets.ClustersOf).Distinct().Order(StringComparer.Ordinal), OperationJson.Options),
    };

    private static string Detail(ExperimentRun run)
    {
        var settings = string.Join(", ", run.Experiment.Settings.Select(s => $"{s.Key} {s.Value}"));
        return string.Create(CultureInfo.InvariantCulture, $"{run.Experiment.Fault}, intensity {run.IntensityPercent:0.#} %{(settings.Length == 0 ? "" : ", " + settings)}");
    }

    private static string? Text(JsonObject request, string name) => request[name] is { } value && value.GetValueKind() == JsonValueKind.String ? value.Deserialize<string>() : null;

    private static double? Number(JsonObject request, string name) => request[name] is { } value && value.GetValueKind() == JsonValueKind.Number ? value.Deserialize<double>() : null;
}
