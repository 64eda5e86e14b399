using OpsConsole.Core.Chaos;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Drills;

/// <summary>How a drill went. It passed only when its tests and its clean-up did.</summary>
public sealed record DrillResult(Guid OperationId, DrillSuite Suite, DrillPair Pair, DateTimeOffset At, bool Passed, int PassedTests, int FailedTests, int SkippedTests, string? Reason, double? RtoSeconds, double? RpoSeconds)
{
    public static DrillResult? Of(Operation operation)
    {
        var first = operation.Plan.Steps[0].Parameters;
        if (DrillSuites.Parse(first["suite"]?.ToString() ?? "") is not { } suite) return null;
        int Count(string name) => operation.Result[name]?.GetValue<int>() ?? 0;
        double? Number(string name) => operation.Result[name]?.GetValue<double>();
        return new DrillResult(operation.Id, suite, new DrillPair($"{first["cluster"]}", $"{first["source"]}", $"{first["target"]}"), operation.EndedAt ?? operation.CreatedAt,
            operation.State == OperationState.Succeeded && operation.Result["verdict"]?.ToString() == "passed" && operation.Result["cleanUp"]?.ToString() == "passed",
            Count("passed"), Count("failed"), Count("skipped"), operation.EndReason, Number("measuredRtoSeconds"), Number("measuredRpoSeconds"));
    }
}

/// <param name="Score">passed 100, passed more than 30 days ago 75, failed 50, never run 0</param>
public sealed record SuiteScore(DrillSuite Suite, double Score, DrillResult? Last);

/// <summary>Ended drills and what they are worth now.</summary>
public sealed class DrillHistory(OperationReader reader, TimeProvider time)
{
    /// <summary>Newest first.</summary>
    public async Task<IReadOnlyList<DrillResult>> ListAsync(CancellationToken cancel) =>
        [.. (await reader.ListAsync(OperationKinds.Drill, limit: 500, cancel: cancel)).Where(o => o.StartedAt is not null && o.State.IsEnd()).Select(DrillResult.Of).OfType<DrillResult>()];

    /// <summary>Every suite for a pair. A full drill proves the others, too.</summary>
    public IReadOnlyList<SuiteScore> Scores(IReadOnlyList<DrillResult> results, DrillPair pair) => [.. Enum.GetValues<DrillSuite>().Select(suite =>
    {
        var mine = results.Where(r => r.Pair == pair && (r.Suite == suite || (r.Suite == DrillSuite.Full && r.Passed))).ToList();
        return new SuiteScore(suite, ProofScore.Of(mine.Select(r => (r.At, r.Passed)), time.GetUtcNow()), mine.FirstOrDefault());
    })];
}
