using System.Text.Json.Nodes;
using NpgsqlTypes;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Failover.Steps;

/// <summary>The source's commits are confirmed by the target, so that it holds every acknowledged row and the other standbys can be
/// re-pointed without commits waiting for them.</summary>
public sealed class ConfirmOnTarget(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "failover.confirmOnTarget";

    public override Task<WorldState> CheckAsync(StepContext context) => OnAsync(context, Source(context), async (node, cancel) =>
        await SynchronousCommit.ConfirmingAsync(node, Wanted(context), cancel) >= 1 ? WorldState.Done : WorldState.NotDone);

    public override async Task ActAsync(StepContext context)
    {
        await GuardAsync(context);
        await OnAsync(context, Source(context), (node, cancel) => SynchronousCommit.SetAsync(node, Wanted(context), Seconds(Options.ConfirmSeconds), Parts.Time, cancel));
        await OnAsync(context, Source(context), (node, cancel) => SynchronousCommit.WaitInForceAsync(node, Wanted(context), 1, Seconds(Options.ConfirmSeconds), Parts.Time, cancel));
    }

    protected override Task TakeBackAsync(StepContext context) => OnAsync(context, Source(context), (node, cancel) =>
        SynchronousCommit.SetAsync(node, Usual(context), Seconds(Options.ConfirmSeconds), Parts.Time, cancel));

    public override async Task<bool> IsUndoneAsync(StepContext context) => (await LookAsync(context, Source(context))).SynchronousStandbyNames == Usual(context);

    private string Wanted(StepContext context) => SynchronousCommit.Names(1, [Upstream.NameOf(Cluster(context), Target(context))]);
    private string Usual(StepContext context) => NamesFor(context, Source(context), Cluster(context).SynchronousStandbys);
}

/// <summary>The list that the target uses once it is the primary. Written while it is a standby: in force from its first commit.</summary>
public sealed class PresetConfirmations(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "failover.presetConfirmations";

    public override async Task<WorldState> CheckAsync(StepContext context) =>
        (await LookAsync(context, Target(context))).SynchronousStandbyNames == NamesFor(context, Target(context), Confirmations(context)) ? WorldState.Done : WorldState.NotDone;

    public override async Task ActAsync(StepContext context)
    {
        await GuardAsync(context);
        await SetAsync(context, Confirmations(context));
    }

    protected override Task TakeBackAsync(StepContext context) => SetAsync(context, Cluster(context).SynchronousStandbys);

    public override async Task<bool> IsUndoneAsync(StepContext context) =>
        (await LookAsync(context, Target(context))).SynchronousStandbyNames == NamesFor(context, Target(context), Cluster(context).SynchronousStandbys);

    private Task SetAsync(StepContext context, int confirmations) => OnAsync(context, Target(context), (node, cancel) =>
        SynchronousCommit.SetAsync(node, NamesFor(context, Target(context), confirmations), Seconds(Options.ConfirmSeconds), Parts.Time, cancel));
}

/// <summary>The other standbys stream from the target.</summary>
public sealed class FollowTarget(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "failover.follow";

    public override async Task<WorldState> CheckAsync(StepContext context)
    {
        var views = await Task.WhenAll(Others(context).Select(async r => (Region: r, View: await LookAsync(context, r))));
        var target = Target(context);
        return views.All(v => context.Parameter<bool>("streaming")
            ? v.View.StreamsFrom(Address(context, v.Region, target))
            : v.View.PrimaryConninfo == Upstream.Conninfo(Parts.Fleet, ClusterId(context), v.Region, target)) ? WorldState.Done : WorldState.NotDone;
    }

    public override async Task ActAsync(StepContext context)
    {
        await GuardAsync(context);
        // A node that was rewound or copied has lost its slots.
        var cluster = Cluster(context);
        await OnAsync(context, Target(context), (node, cancel) => Slots.EnsureAsync(node, cluster.Nodes.Where(n => n.Region != Target(context)).Select(n => Upstream.SlotOf(cluster, n.Region)), cancel));
        await PointAsync(context, Target(context));
    }

    // A receiver may be started twice within moments of a change: what counts is that it settles.
    public override Task VerifyAsync(StepContext context) => NodeSql.UntilAsync(async () => await CheckAsync(context) == WorldState.Done,
        Seconds(Options.FollowSeconds), Parts.Time, () => $"Not every standby follows {Target(context)}.", context.Cancel);

    // The source may be dead: that they point at it again is what can be promised.
    protected override Task TakeBackAsync(StepContext context) => PointAsync(context, Source(context));

    public override async Task<bool> IsUndoneAsync(StepContext context)
    {
        var views = await Task.WhenAll(Others(context).Select(async r => (Region: r, View: await LookAsync(context, r))));
        return views.All(v => v.View.PrimaryConninfo == Upstream.Conninfo(Parts.Fleet, ClusterId(context), v.Region, Source(context)));
    }

    private Task PointAsync(StepContext context, string upstream) => Task.WhenAll(Others(context).Select(region => OnAsync(context, region, async (node, cancel) =>
    {
        var cluster = Cluster(context);
        await Upstream.FollowAsync(node, Upstream.Conninfo(Parts.Fleet, cluster.Id, region, upstream), Upstream.SlotOf(cluster, region), cancel);
    })));

    private string Address(StepContext context, string region, string upstream) => Upstream.Address(Parts.Fleet, ClusterId(context), region, upstream);
}

/// <summary>All standbys in reach stop receiving from the source; those that will follow the target are led there in the same breath. From there
/// on, with enough of them, the source can acknowledge nothing more, whatever state it is in, and what they hold is final. This, not the death of
/// the source, is what makes a promotion safe.</summary>
public sealed class DetachStandbys(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "failover.detach";

    public override async Task<WorldState> CheckAsync(StepContext context)
    {
        var views = await Task.WhenAll(Standbys(context).Select(async r => (Region: r, View: await LookAsync(context, r))));
        return views.All(v => v.Region == Target(context) ? v.View.PrimaryConninfo.Length == 0 && v.View.ReceiverStatus is null
            : v.View.PrimaryConninfo == Conninfo(context, v.Region, Target(context)) && v.View.Upstream != Address(context, v.Region)) ? WorldState.Done : WorldState.NotDone;
    }

    public override async Task ActAsync(StepContext context)
    {
        await GuardAsync(context);
        var (cluster, standbys, target) = (Cluster(context), Standbys(context), Target(context));
        var limit = Seconds(Options.DetachSeconds);
        await Task.WhenAll(standbys.Select(region => OnAsync(context, region, async (node, cancel) =>
        {
            if (region != target)
            {
                await Upstream.LeaveAsync(node, Conninfo(context, region, target), Upstream.SlotOf(cluster, region), Address(context, region), limit, Parts.Time, cancel);
                return;
            }
            await Upstream.DetachAsync(node, limit, Parts.Time, cancel);
            // A node that was rewound or copied has lost its slots.
            await Slots.EnsureAsync(node, cluster.Nodes.Where(n => n.Region != target).Select(n => Upstream.SlotOf(cluster, n.Region)), cancel);
        })));
        var needed = LossRule.StandbysNeeded(cluster, Parts.Seen.Confirmations(cluster.Id, Source(context)));
        if (standbys.Count < needed && !context.Parameter<bool>("mayLose"))
            throw new StepFailedException($"{standbys.Count} of {needed} standbys stopped receiving from {Source(context)}: acknowledged rows could be lost, which nobody has approved.") { Final = true };
        await context.SayAsync(standbys.Count >= needed
            ? $"{standbys.Count} standbys stopped receiving from {Source(context)}: it can acknowledge nothing more."
            : $"Only {standbys.Count} of {needed} standbys stopped receiving from {Source(context)}: acknowledged rows may be lost, as approved.");
    }

    protected override Task TakeBackAsync(StepContext context) => Task.WhenAll(Standbys(context).Select(region => OnAsync(context, region, (node, cancel) =>
        Upstream.FollowAsync(node, Conninfo(context, region, Source(context)), Upstream.SlotOf(Cluster(context), region), cancel))));

    public override async Task<bool> IsUndoneAsync(StepContext context) =>
        (await Task.WhenAll(Standbys(context).Select(async r => (Region: r, View: await LookAsync(context, r))))).All(v => v.View.PrimaryConninfo == Conninfo(context, v.Region, Source(context)));

    private string Conninfo(StepContext context, string region, string upstream) => Upstream.Conninfo(Parts.Fleet, ClusterId(context), region, upstream);

    private string Address(StepContext context, string region) => Upstream.Address(Parts.Fleet, ClusterId(context), region, Source(context));
}

/// <summary>When another standby holds more than the target, the target first gets it from there.</summary>
public sealed class CatchUp(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "failover.catchUp";

    public override async Task ActAsync(StepContext context)
    {
        var views = (await Task.WhenAll(Standbys(context).Select(async r => (Region: r, View: await LookAsync(context, r))))).ToDictionary(v => v.Region, v => v.View);
        var (target, most) = (views[Target(context)].Position, views.MaxBy(v => v.Value.Position));
        context.Outputs.Set(Outputs.PromotedAt, most.Value.Position.ToString());
        HoldBound(context, most.Key);
        if (target >= most.Value.Position)
        {
            await context.SayAsync($"{Target(context)} holds the most: up to {target}.", Positions(views));
            return;
        }
        await context.SayAsync($"{most.Key} holds {(ulong)most.Value.Position - (ulong)target} bytes more than {Target(context)}, which gets them from there first.", Positions(views));
        var address = Upstream.Address(Parts.Fleet, ClusterId(context), Target(context), most.Key);
        await OnAsync(context, Target(context), async (node, cancel) =>
        {
            await Upstream.FollowAsync(node, Upstream.Conninfo(Parts.Fleet, ClusterId(context), Target(context), most.Key), Upstream.SlotOf(Cluster(context), Target(context)), cancel);
            await Upstream.WaitStreamingAsync(node, address, Seconds(Options.FollowSeconds), Parts.Time, cancel);
            await Promotion.WaitHoldsAsync(node, most.Value.Position, Seconds(Options.FollowSeconds), Parts.Time, cancel);
            await Upstream.DetachAsync(node, Seconds(Options.DetachSeconds), Parts.Time, cancel);
        });
    }

    /// <summary>Here the loss is final: nothing was promoted yet, and all of it can be taken back.</summary>
    private void HoldBound(StepContext context, string most)
    {
        if (context.Step.Parameters[FailoverPlanner.LostBytesBound]?.GetValue<long>() is not { } bound || Standbys(context).Count >= LossRule.StandbysNeeded(Cluster(context), Parts.Seen.Confirmations(ClusterId(context), Source(context)))) return;
        var lost = LossRule.LostBytes(context.Outputs.Get<string>(Outputs.SourcePosition), context.Outputs.Get<string>(Outputs.PromotedAt));
        if (lost is null) throw new StepFailedException($"How much of {Source(context)} is missing on {most} is not known; a loss of at most {bound} bytes was approved.") { Final = true };
        if (lost > bound) throw new StepFailedException($"{lost} bytes that {Source(context)} had written are missing on {most}; a loss of at most {bound} was approved.") { Final = true };
    }

    private static JsonObject Positions(Dictionary<string, NodeView> views) => new(views.Select(v => KeyValuePair.Create(v.Key, (JsonNode?)v.Value.Position.ToString())));
}

/// <summary>When a failover loses nothing.</summary>
public static class LossRule
{
    /// <summary>With <c>ANY k</c> of N standbys: the most advanced of N-k+1 of them holds every acknowledged row.</summary>
    /// <param name="inForce">k as the primary was last seen to have it: fewer than declared while standbys were missing. Null: as declared</param>
    public static int StandbysNeeded(ClusterOptions cluster, int? inForce = null) =>
        Math.Min(cluster.SynchronousStandbys, inForce ?? cluster.SynchronousStandbys) is > 0 and var k ? cluster.Nodes.Count - 1 - k + 1 : int.MaxValue;

    /// <summary>Bytes that the source had written beyond what was promoted; null when its position is unknown.</summary>
    public static long? LostBytes(string? source, string? promoted) => source is null || promoted is null ? null
        : Math.Max(0, (long)((ulong)NpgsqlLogSequenceNumber.Parse(source) - (decimal)(ulong)NpgsqlLogSequenceNumber.Parse(promoted)));
}
