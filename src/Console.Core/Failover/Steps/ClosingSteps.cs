using System.Text.Json.Nodes;
using OpsConsole.Core.Drivers.Postgres;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Drivers.Postgres.Wire;
using OpsConsole.Core.Failover.Measuring;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Failover.Steps;

/// <summary>Climbs the fencing ladder until a rung is verified. Needed before a promotion that may lose rows; otherwise the
/// standbys' detachment already keeps the source from acknowledging, and this follows.</summary>
public sealed class FenceSource(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "failover.fence";

    public override async Task ActAsync(StepContext context)
    {
        await GuardAsync(context);
        var fence = await Parts.OldPrimary.FenceAsync(ClusterId(context), Source(context), context.Cancel);
        var cut = !(await Parts.Edge.WritersAsync(context.Cancel)).Contains(Source(context));
        var reached = fence.Reached != FenceRung.None ? fence.Reached : cut ? FenceRung.Traffic : FenceRung.None;
        context.Result.Set("fencing", new { rung = (int)reached, said = fence.Said });
        foreach (var line in fence.Said) await context.SayAsync(line, new JsonObject { ["rung"] = (int)reached });
        if (reached == FenceRung.None) throw new StepFailedException($"{Source(context)} is not fenced on any rung.");
        if (reached == FenceRung.Traffic) await context.SayAsync($"Rung 1 holds: no client endpoint leads to {Source(context)}. It is demoted as soon as it answers.");
    }
}

/// <summary>Writes through the endpoint that clients use, and finds the row on the target.</summary>
public sealed class VerifyService(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "failover.verify";
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    public override async Task ActAsync(StepContext context)
    {
        var cluster = Cluster(context);
        if (cluster.WriteEndpoint.Length == 0)
        {
            await context.SayAsync("The cluster declares no client endpoint: nothing to write through.");
            return;
        }
        for (var began = Parts.Time.GetTimestamp(); ;)
        {
            try
            {
                var writer = Guid.NewGuid();
                using (var client = await WireConnection.OpenAsync(cluster.WriteEndpoint, cluster.Username, cluster.Password, cluster.Database, "opsconsole-verify", context.Cancel))
                {
                    await client.QueryAsync(PostgresSql.CreateHeartbeats, context.Cancel);
                    await client.QueryAsync($"INSERT INTO {PostgresSql.HeartbeatTable} (writer, sequence, at) VALUES ('{writer}', 1, now())", context.Cancel);
                    var read = await client.QueryAsync($"SELECT count(*) AS n, pg_is_in_recovery() AS standby FROM {PostgresSql.HeartbeatTable} WHERE writer = '{writer}'", context.Cancel);
                    if (read.Rows is not [var row] || row["n"] != "1" || row["standby"] != "f") throw new StepFailedException("The row that was written does not come back.");
                }
                if (await OnAsync(context, Target(context), (node, cancel) => node.ScalarAsync<long>($"SELECT count(*) FROM {PostgresSql.HeartbeatTable} WHERE writer = '{writer}'", cancel)) != 1)
                    throw new StepFailedException($"What clients write does not arrive in {Target(context)}.") { Final = true };
                await context.SayAsync($"A row written through {cluster.WriteEndpoint} is in {Target(context)}.");
                return;
            }
            catch (Exception e) when (e is WireException or IOException or System.Net.Sockets.SocketException && Parts.Time.GetElapsedTime(began) < TimeSpan.FromSeconds(5))
            {
                await Task.Delay(Pause, Parts.Time, context.Cancel); // poolers find the new primary within moments
            }
        }
    }
}

/// <summary>The old primary returns as a standby.</summary>
public sealed class RejoinSource(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "failover.rejoin";

    public override async Task<WorldState> CheckAsync(StepContext context) =>
        await Parts.OldPrimary.StreamsAsync(ClusterId(context), Source(context), Upstream.Address(Parts.Fleet, ClusterId(context), Source(context), Target(context)), context.Cancel)
            ? WorldState.Done : WorldState.NotDone;

    public override async Task ActAsync(StepContext context)
    {
        await GuardAsync(context);
        await Parts.OldPrimary.RejoinAsync(ClusterId(context), Source(context), Target(context), context.Parameter<bool>("clean"),
            NamesFor(context, Source(context), Cluster(context).SynchronousStandbys), text => context.SayAsync(text), context.Cancel);
    }
}

/// <summary>The fleet's own hook: application configuration and the like. It may be run twice, after a crash of the console.</summary>
public sealed class RunHook(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "failover.hook";
    /// <summary>Gets <c>{cluster}</c>, <c>{source}</c> and <c>{target}</c>.</summary>
    public const string Command = "failover.hook";
    /// <summary>Takes it back; gets the same.</summary>
    public const string UndoCommand = "failover.unhook";

    public override Task ActAsync(StepContext context) => RunAsync(context, Command, "hook");

    // A hook tells by its exit code that it is done.
    public override Task VerifyAsync(StepContext context) => Task.CompletedTask;

    protected override Task TakeBackAsync(StepContext context) => RunAsync(context, UndoCommand, "way back of the hook");

    public override Task<bool> IsUndoneAsync(StepContext context) => Task.FromResult(true);

    private async Task RunAsync(StepContext context, string command, string what)
    {
        var result = await Parts.Hosts.RunHookAsync(Target(context), command, new Dictionary<string, string> { ["cluster"] = ClusterId(context), ["source"] = Source(context), ["target"] = Target(context) }, context.Cancel);
        await context.SayAsync(result.Length == 0 ? $"The {what} ended well." : $"The {what} said: {result}");
    }
}

/// <summary>What clients experienced, and what was lost: measured.</summary>
public sealed class Measure(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "failover.measure";

    public override async Task ActAsync(StepContext context)
    {
        context.Result.Set("newPrimaryRegion", Target(context));
        context.Result.Set("servicesMoved", context.Parameter<string[]>("services"));
        context.Result.Set("lostBytes", LossRule.LostBytes(context.Outputs.Get<string>(Outputs.SourcePosition), context.Outputs.Get<string>(Outputs.PromotedAt)));
        if (Parts.Meters.Of(ClusterId(context)) is not { } meter) return;
        KeepMeasuring(context);
        var now = context.Clock.GetUtcNow();
        await NodeSql.UntilAsync(() => Task.FromResult(meter.LastAcknowledgedAt > now), TimeSpan.FromSeconds(5), Parts.Time, () => "No heartbeat is acknowledged through the client endpoint.", context.Cancel);
        var began = context.Outputs.Get<DateTimeOffset>(Outputs.Began);
        if (context.Outputs.Get<Guid>(Outputs.Meter) == meter.Writer) await ByMeterAsync(context, meter, began);
        else await ByRowsAsync(context, began);
        meter.Release($"operation {context.OperationId}");
    }

    private async Task ByMeterAsync(StepContext context, PulseMeter meter, DateTimeOffset began)
    {
        var report = meter.Report(began);
        var lost = await LostAsync(context, meter.Writer, report.Acknowledged);
        var (pause, resolution) = Pause(context, report);
        context.Result.Set("measuredRtoSeconds", pause);
        context.Result.Set("resolutionSeconds", resolution);
        context.Result.Set("lostHeartbeats", lost);
        await context.SayAsync(FormattableString.Invariant($"Writes paused for {pause:0.###} s (to within {resolution:0.###} s); {lost} of {report.Acknowledged.Count} acknowledged heartbeats are missing."));
    }

    /// <summary>The process that counted is gone, and with it which heartbeats were acknowledged; those that the new primary holds, of all writers, still show when none was written.</summary>
    private async Task ByRowsAsync(StepContext context, DateTimeOffset began)
    {
        var interval = TimeSpan.FromSeconds(Cluster(context).Heartbeat.IntervalSeconds);
        var times = await OnAsync(context, Target(context), (node, cancel) => node.ListAsync(
            $"SELECT at FROM {PostgresSql.HeartbeatTable} WHERE at >= '{began - (interval * 2):O}' ORDER BY at", r => r.GetFieldValue<DateTimeOffset>(0), cancel));
        var gap = times.Zip(times.Skip(1), (a, b) => b - a).DefaultIfEmpty(TimeSpan.Zero).Max();
        context.Result.Set("measuredRtoSeconds", Math.Round(gap.TotalSeconds, 3));
        context.Result.Set("resolutionSeconds", interval.TotalSeconds);
        context.Result.Set<long?>("lostHeartbeats", null);
        await context.SayAsync(FormattableString.Invariant($"Writes paused for {gap.TotalSeconds:0.###} s, by the heartbeats that {Target(context)} holds (to within {interval.TotalSeconds:0.#} s). Another process began this operation: which of its heartbeats were acknowledged is not known any more."));
    }

    /// <summary>The longest gap. Where writes failed already when this operation began to measure, it began with the last heartbeat that the
    /// observing half saw acknowledged, at its own pace.</summary>
    private (double? Seconds, double Resolution) Pause(StepContext context, PulseReport report)
    {
        var longest = report.LongestGap?.TotalSeconds;
        if (!context.Parameter<bool>("planned") && context.Outputs.Has(Outputs.LastHeartbeat) && report.Acknowledged.Any(p => p.First))
        {
            var outage = (report.Acknowledged.First(p => p.First).At - context.Outputs.Get<DateTimeOffset>(Outputs.LastHeartbeat)).TotalSeconds;
            var interval = Cluster(context).Heartbeat.IntervalSeconds;
            if (outage > interval + (longest ?? 0)) return (outage, interval);
        }
        return (longest, report.Resolution.TotalSeconds);
    }

    private async Task<long> LostAsync(StepContext context, Guid writer, IReadOnlyList<Pulse> acknowledged)
    {
        if (acknowledged.Count == 0) return 0;
        var known = (await OnAsync(context, Target(context), (node, cancel) => node.ListAsync(
            $"SELECT sequence FROM {PostgresSql.HeartbeatTable} WHERE writer = '{writer}' AND sequence >= {acknowledged[0].Sequence}", r => r.GetInt64(0), cancel))).ToHashSet();
        return acknowledged.Count(p => !known.Contains(p.Sequence));
    }
}
