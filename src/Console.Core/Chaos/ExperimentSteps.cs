using System.Text.Json.Nodes;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Chaos;

/// <summary>Names of an experiment's outputs and results.</summary>
internal static class ExperimentValues
{
    /// <summary>Epoch of the runner that began: another one cleans up only.</summary>
    public const string Epoch = "experimentEpoch";
    public const string Hypothesis = "hypothesis";
    public const string Injection = "injection";
    public const string Passed = "passed";
    public const string Failed = "failed";
    public const string NotRun = "notRun";

    /// <summary>An experiment whose console died is not resumed, only cleaned up: nobody watched its abort conditions meanwhile.</summary>
    public static void RefuseTakeover(StepContext context)
    {
        if (context.Outputs.Has(Epoch) && context.Outputs.Get<long>(Epoch) != context.Epoch)
            throw new StepFailedException("The console stopped in the middle of it: it is cleaned up, not resumed.") { Final = true };
    }

    public static IReadOnlyList<Condition> Conditions(this StepContext context, string parameter) => [.. context.Parameter<string[]>(parameter).Select(Condition.Parse)];

    public static JsonObject Json(string phase, IEnumerable<Measurement> measured) => new()
    {
        ["phase"] = phase,
        ["values"] = new JsonArray([.. measured.Select(m => (JsonNode)new JsonObject
        {
            ["condition"] = m.Condition.ToString(), ["measured"] = m.Measured is { } v ? Math.Round(v, 3) : null, ["holds"] = m.Holds,
        })]),
    };
}

/// <summary>The steady state must hold before anything is broken.</summary>
public sealed class BeforeStep(SteadyStates states, ExperimentGuards guards, ChaosOptions options) : IStep
{
    public const string StepName = "chaos.before";
    public string Name => StepName;

    public Task<WorldState> CheckAsync(StepContext context) => Task.FromResult(WorldState.NotDone);

    public async Task ActAsync(StepContext context)
    {
        ExperimentValues.RefuseTakeover(context);
        context.Outputs.Set(ExperimentValues.Epoch, context.Epoch);
        context.Result.Set(ExperimentValues.Hypothesis, ExperimentValues.NotRun);
        context.Result.Set(ExperimentValues.Injection, ExperimentValues.NotRun);
        if (await guards.TooManyAsync(context.OperationId, context.Cancel) is { } tooMany) throw new StepFailedException(tooMany) { Final = true };
        var hypothesis = context.Conditions("hypothesis");
        await using var state = states.Begin(hypothesis);
        var window = TimeSpan.FromSeconds(options.BaselineSeconds);
        state.Measure(hypothesis, window); // begins the heartbeats
        await Task.Delay(window, context.Clock, context.Cancel);
        var measured = state.Measure(hypothesis, window);
        await context.SayAsync("before: " + string.Join("; ", measured), ExperimentValues.Json("before", measured));
        if (measured.FirstOrDefault(m => !m.Holds) is not { } broken) return;
        context.Result.Set(ExperimentValues.Hypothesis, ExperimentValues.Failed);
        throw new StepFailedException($"The steady state does not hold before the experiment: {broken}. Nothing was broken.") { Final = true };
    }
}

/// <summary>One fault on one target.</summary>
public sealed class InjectStep(FaultInjectors injectors) : IStep
{
    public const string StepName = "chaos.inject";
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(100);

    public string Name => StepName;

    public async Task<WorldState> CheckAsync(StepContext context)
    {
        ExperimentValues.RefuseTakeover(context);
        return (await ReadAsync(context)).Presence switch { FaultPresence.Present => WorldState.Done, FaultPresence.Absent => WorldState.NotDone, _ => WorldState.Unclear };
    }

    public async Task ActAsync(StepContext context)
    {
        var fault = FaultOf(context);
        try
        {
            await injectors.Of(fault.Kind).InjectAsync(fault, context.Cancel);
        }
        catch (FaultException failure)
        {
            context.Result.Set(ExperimentValues.Injection, ExperimentValues.Failed);
            throw new StepFailedException(failure.Message, failure);
        }
    }

    public async Task VerifyAsync(StepContext context)
    {
        var began = context.Clock.GetTimestamp();
        FaultReading reading;
        while ((reading = await ReadAsync(context)).Presence != FaultPresence.Present)
        {
            if (context.Clock.GetElapsedTime(began) > Settle)
            {
                context.Result.Set(ExperimentValues.Injection, ExperimentValues.Failed);
                throw new StepFailedException($"Read back, the fault is not there: {reading.Measured}.");
            }
            await Task.Delay(Pause, context.Clock, context.Cancel);
        }
        await context.SayAsync(reading.Measured);
    }

    public Task UndoAsync(StepContext context)
    {
        var fault = FaultOf(context);
        return injectors.Of(fault.Kind).RevertAsync(fault, context.Cancel);
    }

    public async Task<bool> IsUndoneAsync(StepContext context)
    {
        var reading = await ReadAsync(context);
        if (reading.Presence == FaultPresence.Absent) return true;
        await context.SayAsync($"still there: {reading.Measured}");
        return false;
    }

    private Task<FaultReading> ReadAsync(StepContext context)
    {
        var fault = FaultOf(context);
        return injectors.Of(fault.Kind).ReadAsync(fault, context.Cancel);
    }

    internal static Fault FaultOf(StepContext context) => new(context.Parameter<string>("kind"), context.Parameter<string>("target"), Fault.TagOf(context.OperationId, context.Index),
        context.Parameter<double>("intensityPercent"), context.Parameter<double>("durationSeconds"), context.Parameter<JsonObject>("settings"));
}

/// <summary>Watches the hypothesis and the abort conditions while the faults are there.</summary>
public sealed class DuringStep(SteadyStates states, ChaosOptions options) : IStep
{
    public const string StepName = "chaos.during";
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);
    /// <summary>Entries in the journal over the whole duration, so that a report can draw a line.</summary>
    private const int Entries = 120;

    public string Name => StepName;

    public Task<WorldState> CheckAsync(StepContext context) => Task.FromResult(WorldState.NotDone);

    public async Task ActAsync(StepContext context)
    {
        ExperimentValues.RefuseTakeover(context);
        context.Result.Set(ExperimentValues.Injection, ExperimentValues.Passed);
        var (hypothesis, abort) = (context.Conditions("hypothesis"), context.Conditions("abort"));
        var duration = TimeSpan.FromSeconds(context.Parameter<double>("durationSeconds"));
        var window = TimeSpan.FromSeconds(Math.Min(options.WindowSeconds, duration.TotalSeconds));
        // What was measured shortly before still lies in the window: judged from the moment that it is full of what comes after.
        var settled = TimeSpan.FromSeconds(Math.Min(3, duration.TotalSeconds / 2));
        var every = TimeSpan.FromSeconds(Math.Max(1, duration.TotalSeconds / Entries));
        var worst = new Dictionary<Condition, double?>();
        var broken = new HashSet<Condition>();
        await using var state = states.Begin(hypothesis.Concat(abort));
        await context.ProgressAsync(0, "the faults are there");
        var began = context.Clock.GetTimestamp();
        var noted = TimeSpan.Zero;
        using var timer = new PeriodicTimer(Interval, context.Clock);
        for (var elapsed = TimeSpan.Zero; elapsed < duration; elapsed = context.Clock.GetElapsedTime(began))
        {
            await timer.WaitForNextTickAsync(context.Cancel);
            elapsed = context.Clock.GetElapsedTime(began);
            var measured = state.Measure(hypothesis, window);
            if (elapsed < settled) continue;
            Note(measured, worst, broken);
            if (state.Measure(abort, window).FirstOrDefault(m => m.Holds) is { } reached)
            {
                Judge(context, hypothesis, worst, broken, ExperimentValues.Failed);
                context.Result.Set("abortedBecause", reached.ToString());
                throw new StepFailedException($"Ended early: {reached.Condition.Of}.{reached.Condition.Metric} is {reached.Measured:0.##}, and {reached.Condition} ends it.") { Final = true };
            }
            if (elapsed - noted < every && elapsed < duration) continue;
            noted = elapsed;
            await context.Journal(string.Join("; ", measured), Math.Min(100, 100 * elapsed / duration), ExperimentValues.Json("during", measured));
        }
        Judge(context, hypothesis, worst, broken, broken.Count == 0 ? ExperimentValues.Passed : ExperimentValues.Failed);
    }

    private static void Note(IReadOnlyList<Measurement> measured, Dictionary<Condition, double?> worst, HashSet<Condition> broken)
    {
        foreach (var measurement in measured)
        {
            if (!measurement.Holds) broken.Add(measurement.Condition);
            if (!worst.TryGetValue(measurement.Condition, out var known) || measurement.Measured is null || (known is { } k && measurement.Condition.IsWorse(measurement.Measured.Value, k)))
                worst[measurement.Condition] = measurement.Measured;
        }
    }

    private static void Judge(StepContext context, IReadOnlyList<Condition> hypothesis, Dictionary<Condition, double?> worst, HashSet<Condition> broken, string verdict)
    {
        context.Result.Set(ExperimentValues.Hypothesis, verdict);
        context.Result.Set("hypothesisDetail", hypothesis.Select(c => new { condition = c.ToString(), worst = worst.GetValueOrDefault(c), held = !broken.Contains(c) }).ToArray());
    }
}

/// <summary>Waits until the steady state is back, once everything is undone. One that was stopped is only looked at.</summary>
public sealed class AfterStep(SteadyStates states, ChaosOptions options, ChaosMetrics metrics) : IStep
{
    public const string StepName = "chaos.after";
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan Window = TimeSpan.FromSeconds(3);

    public string Name => StepName;

    public Task<WorldState> CheckAsync(StepContext context) => Task.FromResult(WorldState.NotDone);

    public async Task ActAsync(StepContext context)
    {
        // What was not broken for long enough has nothing to come back from.
        if (context.Result.Get<string>(ExperimentValues.Injection) is ExperimentValues.Passed) await ComeBackAsync(context);
        var type = context.Plan.Steps.FirstOrDefault(s => s.Step == InjectStep.StepName)?.Parameters["kind"]?.ToString() ?? "";
        if (context.Result.Get<double?>("recoverySeconds") is { } seconds) metrics.Recovered(type, context.Plan.Severity, seconds);
        metrics.Ended(type, context.Plan.Severity, context.Result.Has("abortedBecause") ? "aborted" : context.Result.Get<string>(ExperimentValues.Hypothesis) ?? ExperimentValues.NotRun);
    }

    private async Task ComeBackAsync(StepContext context)
    {
        var hypothesis = context.Conditions("hypothesis");
        if (hypothesis.Count == 0) return; // nothing was promised
        await using var state = states.Begin(hypothesis);
        state.Measure(hypothesis, Window);
        var began = context.Clock.GetTimestamp();
        using var timer = new PeriodicTimer(Interval, context.Clock);
        while (true)
        {
            await timer.WaitForNextTickAsync(context.Cancel);
            var (elapsed, measured) = (context.Clock.GetElapsedTime(began), state.Measure(hypothesis, Window));
            var back = elapsed >= Window && measured.All(m => m.Holds);
            if (!back && elapsed.TotalSeconds < options.RecoverySeconds) continue;
            await context.SayAsync("after: " + string.Join("; ", measured), ExperimentValues.Json("after", measured));
            if (back) context.Result.Set("recoverySeconds", Math.Round((elapsed - Window).TotalSeconds, 1));
            else context.Result.Set(ExperimentValues.Hypothesis, ExperimentValues.Failed);
            context.Result.Set("after", measured.Select(m => new { condition = m.Condition.ToString(), measured = m.Measured, holds = m.Holds }).ToArray());
            return;
        }
    }
}
