using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Chaos;

/// <summary>How an experiment went.</summary>
/// <param name="At">when it ended</param>
/// <param name="Hypothesis">passed, failed, notRun; likewise Injection and CleanUp</param>
public sealed record ExperimentResult(Guid OperationId, string Experiment, OperationState State, DateTimeOffset At, string Hypothesis, string Injection, string CleanUp)
{
    public bool Passed => Hypothesis == "passed" && Injection == "passed" && CleanUp == "passed";

    public static ExperimentResult Of(Operation operation)
    {
        string Word(string name) => operation.Result[name] is JsonValue value && value.TryGetValue<string>(out var word) ? word : "notRun";
        return new ExperimentResult(operation.Id, operation.Request["experiment"]?.ToString() ?? "", operation.State, operation.EndedAt ?? operation.CreatedAt, Word("hypothesis"), Word("injection"), Word("cleanUp"));
    }
}

/// <param name="Targets">as resolved now; empty when it cannot be asked for</param>
/// <param name="Unavailable">why it cannot be asked for now; null: it can</param>
/// <param name="Last">its newest result; null: never run</param>
public sealed record CatalogueEntry(Experiment Experiment, double DurationSeconds, double IntensityPercent, IReadOnlyList<string> Targets, string TargetsText, string? Unavailable, ExperimentResult? Last, double Score);

/// <summary>The library as the fleet is now: targets, what is in the way, how it went last.</summary>
public sealed class ExperimentCatalogue(ExperimentLibrary library, ExperimentPlanner planner, FaultInjectors injectors, ChaosOptions options, OperationReader reader, TimeProvider time)
{
    /// <summary>Whether a fault can be brought about is asked of hosts and proxies: not again for so long.</summary>
    private static readonly TimeSpan AskedAgain = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);
    private readonly ConcurrentDictionary<string, (string Key, string? Why, long At)> _known = new();

    public async Task<IReadOnlyList<CatalogueEntry>> ListAsync(CancellationToken cancel)
    {
        var results = await ResultsAsync(cancel);
        return await Task.WhenAll(library.All.Select(e => EntryAsync(e, results, cancel)));
    }

    public async Task<CatalogueEntry?> FindAsync(string id, CancellationToken cancel) =>
        library.Find(id) is { } experiment ? await EntryAsync(experiment, await ResultsAsync(cancel), cancel) : null;

    /// <summary>Ended experiments, newest first.</summary>
    public async Task<IReadOnlyList<ExperimentResult>> ResultsAsync(CancellationToken cancel) =>
        [.. (await reader.ListAsync(OperationKinds.Experiment, limit: 500, cancel: cancel)).Where(o => o.StartedAt is not null && o.State.IsEnd()).Select(ExperimentResult.Of)];

    private async Task<CatalogueEntry> EntryAsync(Experiment experiment, IReadOnlyList<ExperimentResult> results, CancellationToken cancel)
    {
        var mine = results.Where(r => r.Experiment == experiment.Id).ToList();
        var score = ProofScore.Of(mine.Select(r => (r.At, r.Passed)), time.GetUtcNow());
        var (duration, intensity) = (experiment.DurationSeconds ?? options.DefaultDurationSeconds, experiment.IntensityPercent ?? options.DefaultIntensityPercent);
        try
        {
            var run = await planner.ReadAsync(new JsonObject { ["experiment"] = experiment.Id }, cancel);
            return new CatalogueEntry(experiment, duration, intensity, run.Targets.Chosen, run.Targets.Words, await WhyNotAsync(run, cancel), mine.FirstOrDefault(), score);
        }
        catch (RequestRefusedException refused)
        {
            return new CatalogueEntry(experiment, duration, intensity, [], "", refused.Message, mine.FirstOrDefault(), score);
        }
    }

    private async Task<string?> WhyNotAsync(ExperimentRun run, CancellationToken cancel)
    {
        var key = string.Join(' ', run.Targets.Chosen);
        if (_known.TryGetValue(run.Experiment.Id, out var known) && known.Key == key && time.GetElapsedTime(known.At) < AskedAgain) return known.Why;
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(Patience);
        string? why;
        try
        {
            var settings = (JsonObject)run.Experiment.Settings.DeepClone();
            if (run.Experiment.Fault == FaultKinds.DatabaseFailover)
            {
                await planner.PlanAsync(new JsonObject { ["experiment"] = run.Experiment.Id }, limit.Token); // refused while nobody knows where the primary is
                return null;
            }
            var reasons = await Task.WhenAll(run.Targets.Chosen.Select(t => injectors.UnavailableAsync(new Fault(run.Experiment.Fault, t, "opsconsole-look", run.IntensityPercent, run.DurationSeconds, settings), limit.Token)));
            why = reasons.OfType<string>().FirstOrDefault();
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            why = $"its targets did not answer within {Patience.TotalSeconds} s";
        }
        _known[run.Experiment.Id] = (key, why, time.GetTimestamp());
        return why;
    }
}
