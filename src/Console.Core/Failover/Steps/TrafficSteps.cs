using System.Text.Json.Nodes;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Traffic;

namespace OpsConsole.Core.Failover.Steps;

/// <summary>Fencing rung 1: no write endpoint leads to the source any more.</summary>
public sealed class CutWrites(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "failover.cutWrites";

    public override async Task<WorldState> CheckAsync(StepContext context) =>
        (await Parts.Edge.WritersAsync(context.Cancel)).Contains(Source(context)) ? WorldState.NotDone : WorldState.Done;

    public override async Task ActAsync(StepContext context)
    {
        await GuardAsync(context);
        KeepMeasuring(context);
        // In the poolers clients wait, instead of trying in vain all the time; a pooler that does not answer keeps nothing up.
        var held = Parts.Edge.HoldAsync(ClusterId(context), context.Cancel);
        await Parts.Edge.CutWritesAsync(Source(context), endSessions: true, context.Cancel);
        if (await held is { } problem) await context.SayAsync($"Clients do not wait in a pooler: {problem}");
    }

    protected override async Task TakeBackAsync(StepContext context)
    {
        await Parts.Edge.LeadWritesAsync(Source(context), context.Cancel);
        await Parts.Edge.ResumeAsync(ClusterId(context), context.Cancel);
    }
}

/// <summary>Writes go to the target, and to nobody else.</summary>
public sealed class LeadWrites(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "failover.leadWrites";

    public override async Task<WorldState> CheckAsync(StepContext context) =>
        (await Parts.Edge.WritersAsync(context.Cancel)).SetEquals([Target(context)]) ? WorldState.Done : WorldState.NotDone;

    public override async Task ActAsync(StepContext context)
    {
        await GuardAsync(context);
        await Parts.Edge.LeadWritesAsync(Target(context), context.Cancel);
    }
}

/// <summary>Clients wait in the poolers until <see cref="ResumeClients"/>; none sees an error.</summary>
public sealed class PauseClients(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "failover.pause";

    public override async Task<WorldState> CheckAsync(StepContext context) =>
        await Parts.Edge.PausedAsync(ClusterId(context), context.Cancel) ? WorldState.Done : WorldState.NotDone;

    public override async Task ActAsync(StepContext context)
    {
        await GuardAsync(context);
        KeepMeasuring(context);
        try
        {
            await Parts.Edge.PauseAsync(ClusterId(context), Seconds(context.Parameter<double>("drainSeconds")), Parts.Time, context.Cancel);
        }
        catch (TimeoutException e)
        {
            throw new StepFailedException(e.Message, e) { Final = true };
        }
    }

    protected override Task TakeBackAsync(StepContext context) => Parts.Edge.ResumeAsync(ClusterId(context), context.Cancel);

    // One pooler that still pauses is not undone; all of them must let clients go on.
    public override async Task<bool> IsUndoneAsync(StepContext context) => !await Parts.Edge.AnyPausedAsync(ClusterId(context), context.Cancel);
}

public sealed class ResumeClients(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "failover.resume";

    public override async Task<WorldState> CheckAsync(StepContext context) =>
        await Parts.Edge.AnyPausedAsync(ClusterId(context), context.Cancel) ? WorldState.NotDone : WorldState.Done;

    public override Task ActAsync(StepContext context) => Parts.Edge.ResumeAsync(ClusterId(context), context.Cancel);
}

/// <summary>Begins a move of traffic alone: no session on the other nodes, no epoch, nothing to measure at the end.</summary>
public sealed class OpenTraffic(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "failover.openTraffic";

    public override Task ActAsync(StepContext context)
    {
        context.Result.Set("servicesMoved", context.Parameter<string[]>("services"));
        context.Result.Set("newPrimaryRegion", Parts.Feed.Current.Clusters.GetValueOrDefault(ClusterId(context))?.PrimaryRegion);
        context.Result.Set("lostHeartbeats", 0);
        context.Result.Set("lostBytes", 0);
        return Task.CompletedTask;
    }
}

/// <summary>A share of the source's HTTP traffic goes to the target.</summary>
public sealed class ShiftTraffic(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "failover.shift";

    public override async Task<WorldState> CheckAsync(StepContext context)
    {
        var now = await Parts.Edge.WeightsAsync(context.Cancel);
        if (!context.Outputs.Has(Outputs.Weights)) context.Outputs.Set(Outputs.Weights, now);
        return Same(now, Wanted(context, context.Parameter<double>("percent"))) ? WorldState.Done : WorldState.NotDone;
    }

    public override async Task ActAsync(StepContext context)
    {
        await GuardAsync(context);
        var wanted = Wanted(context, context.Parameter<double>("percent"));
        await Parts.Edge.SetWeightsAsync(wanted, context.Cancel);
        await context.SayAsync($"Expected shares: {string.Join(", ", TrafficShift.Shares(wanted).OrderBy(s => s.Key, StringComparer.Ordinal).Select(s => $"{s.Key} {s.Value:0.#} %"))}.",
            new JsonObject(wanted.Select(w => KeyValuePair.Create(w.Key, (JsonNode?)w.Value))));
    }

    // Customers are not led back to where nobody serves them, whatever the reason for the turn; a target that is no better keeps them no more.
    protected override async Task TakeBackAsync(StepContext context)
    {
        if (IsBad(Source(context)) && !IsBad(Target(context)))
        {
            if (!context.Outputs.Has(Outputs.Stays)) await context.SayAsync($"{Source(context)} is in no state to take its traffic back: {context.Parameter<double>("percent"):0.#} % of it stay with {Target(context)}.");
            context.Outputs.Set(Outputs.Stays, true);
            return;
        }
        await Parts.Edge.SetWeightsAsync(Wanted(context, context.Parameter<double>("from")), context.Cancel);
    }

    private bool IsBad(string region) => Parts.Feed.Current.Regions.GetValueOrDefault(region) is { } seen && HealthWatch.IsBad(seen.Status);

    public override async Task<bool> IsUndoneAsync(StepContext context) => context.Outputs.Has(Outputs.Stays) || Same(await Parts.Edge.WeightsAsync(context.Cancel), Wanted(context, context.Parameter<double>("from")));

    private static IReadOnlyDictionary<string, int> Wanted(StepContext context, double percent) =>
        context.Step.Parameters.ContainsKey("weights") && percent > 0 ? context.Parameter<Dictionary<string, int>>("weights") :
        TrafficShift.Weights(context.Outputs.Get<Dictionary<string, int>>(Outputs.Weights) ?? [], Source(context), Target(context), percent);

    private static bool Same(IReadOnlyDictionary<string, int> a, IReadOnlyDictionary<string, int> b) => b.All(w => a.GetValueOrDefault(w.Key, -1) == w.Value);
}

/// <summary>Between shifts: the target must prove itself with real requests. Too few hold the operation up; they never pass.</summary>
public sealed class WatchTarget(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "failover.watch";
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(500);

    public override async Task ActAsync(StepContext context)
    {
        var began = Parts.Time.GetTimestamp();
        var before = await CountersAsync(context);
        var rule = Options.Watch;
        var turned = false;
        while (true)
        {
            await Task.Delay(Look, Parts.Time, context.Cancel);
            var now = await CountersAsync(context);
            if (now.Requests < before.Requests) before = now with { Requests = 0, Errors = 0 }; // the traffic manager was started again: counters began anew
            var status = Parts.Feed.Current.Regions.GetValueOrDefault(Target(context))?.Status ?? Live.HealthStatus.Unknown;
            turned |= !HealthWatch.IsBad(status);
            var verdict = HealthWatch.Judge(rule, Parts.Time.GetElapsedTime(began), now.Requests - before.Requests, now.Errors - before.Errors, status, turned);
            switch (verdict.Outcome)
            {
                case WatchOutcome.Pass:
                    await context.SayAsync(verdict.Reason);
                    return;
                case WatchOutcome.Fail:
                    throw new StepFailedException($"{Target(context)}: {verdict.Reason}") { Final = true };
                default:
                    await context.ProgressAsync(Math.Min(99, 100 * Parts.Time.GetElapsedTime(began).TotalSeconds / Math.Max(0.5, rule.DwellSeconds)), verdict.Reason);
                    break;
            }
        }
    }

    private async Task<RegionCounters> CountersAsync(StepContext context) =>
        (await Parts.Edge.CountersAsync(context.Cancel)).GetValueOrDefault(Target(context)) ?? throw new StepFailedException($"No traffic manager counts requests of {Target(context)}.") { Final = true };
}
