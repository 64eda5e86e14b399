using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Failover.Steps;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Failover.Topology;

/// <summary>A standby streams from another node.</summary>
public sealed class RepointStandby(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "topology.repoint";
    private const string Earlier = "earlierUpstream";

    public override async Task<WorldState> CheckAsync(StepContext context)
    {
        var view = await LookAsync(context, Source(context));
        if (!view.Standby) throw new StepFailedException($"{Source(context)} is no standby.") { Final = true };
        // The region, not the connection text: that holds a password.
        if (!context.Outputs.Has(Earlier) && Cluster(context).Nodes.FirstOrDefault(n => n.Region != Source(context) && Parts.Fleet.Link(ClusterId(context), n.Region, Source(context))?.Address == view.Upstream) is { } earlier)
            context.Outputs.Set(Earlier, earlier.Region);
        return view.StreamsFrom(Upstream.Address(Parts.Fleet, ClusterId(context), Source(context), Target(context))) ? WorldState.Done : WorldState.NotDone;
    }

    public override Task ActAsync(StepContext context) => FollowAsync(context, Target(context));

    public override Task VerifyAsync(StepContext context) => OnAsync(context, Source(context), (node, cancel) =>
        Upstream.WaitStreamingAsync(node, Upstream.Address(Parts.Fleet, ClusterId(context), Source(context), Target(context)), Seconds(Options.FollowSeconds), Parts.Time, cancel));

    protected override async Task TakeBackAsync(StepContext context)
    {
        if (context.Outputs.Get<string>(Earlier) is { } earlier) await FollowAsync(context, earlier);
    }

    private async Task FollowAsync(StepContext context, string upstream)
    {
        var (cluster, region) = (Cluster(context), Source(context));
        await OnAsync(context, upstream, (node, cancel) => Slots.EnsureAsync(node, [Upstream.SlotOf(cluster, region)], cancel));
        await OnAsync(context, region, (node, cancel) => Upstream.FollowAsync(node, Upstream.Conninfo(Parts.Fleet, cluster.Id, region, upstream), Upstream.SlotOf(cluster, region), cancel));
    }
}

/// <summary>A fresh copy of the upstream becomes a standby.</summary>
public sealed class CopyStandby(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "topology.copy";
    private const string Copied = "copied";

    // A node that streams already is copied all the same: that was asked for. After a crash the copy is made again.
    public override async Task<WorldState> CheckAsync(StepContext context) => context.Outputs.Has(Copied)
        && await Parts.OldPrimary.StreamsAsync(ClusterId(context), Source(context), Upstream.Address(Parts.Fleet, ClusterId(context), Source(context), Target(context)), context.Cancel) ? WorldState.Done : WorldState.NotDone;

    public override async Task ActAsync(StepContext context)
    {
        await GuardAsync(context);
        await OnAsync(context, Target(context), (node, cancel) => Slots.EnsureAsync(node, [Upstream.SlotOf(Cluster(context), Source(context))], cancel));
        await Parts.OldPrimary.CopyAfreshAsync(ClusterId(context), Source(context), Target(context), NamesFor(context, Source(context), Cluster(context).SynchronousStandbys), text => context.SayAsync(text), context.Cancel);
        context.Outputs.Set(Copied, true);
    }
}

/// <summary>Slots that the others keep for a node that is gone.</summary>
public sealed class DropSlots(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "topology.dropSlots";

    public override async Task<WorldState> CheckAsync(StepContext context) => (await KeptAsync(context)).Count == 0 ? WorldState.Done : WorldState.NotDone;

    public override async Task ActAsync(StepContext context)
    {
        var slot = Slot(context);
        foreach (var region in await KeptAsync(context))
        {
            await OnAsync(context, region, (node, cancel) => Slots.DropAsync(node, slot, cancel));
            await context.SayAsync($"{slot} was dropped on {region}.");
        }
    }

    /// <summary>Regions in reach whose node keeps the slot.</summary>
    private async Task<IReadOnlyList<string>> KeptAsync(StepContext context)
    {
        var slot = Slot(context);
        var kept = new List<string>();
        var asked = 0;
        foreach (var region in Cluster(context).Nodes.Select(n => n.Region).Where(r => r != Source(context)))
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(context.Cancel);
            limit.CancelAfter(ReachOf(context, region));
            try
            {
                if ((await context.Fleet(ClusterId(context)).UseAsync(region, Slots.ReadAsync, limit.Token)).Any(s => s.Name == slot)) kept.Add(region);
                asked++;
            }
            catch (Exception e) when (e is not LeaseLostException && !context.Cancel.IsCancellationRequested)
            {
                await context.SayAsync($"{region} is not in reach: {(e is OperationCanceledException ? "no answer in time" : e.Message)}");
            }
        }
        if (asked == 0) throw new StepFailedException("No other node is in reach.");
        return kept;
    }

    private string Slot(StepContext context) => Upstream.SlotOf(Cluster(context), Source(context));
}
