using System.Text.Json.Nodes;
using NpgsqlTypes;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Failover.Steps;

/// <summary>Takes a session on every node in reach, raises the fleet's epoch there, and begins to measure.</summary>
public sealed class OpenFleet(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "failover.open";

    public override async Task ActAsync(StepContext context)
    {
        var (cluster, source, target, planned) = (Cluster(context), Source(context), Target(context), context.Parameter<bool>("planned"));
        KeepMeasuring(context);
        // A switchover needs the source's host while clients wait: the connection is made now, or there is no switchover.
        var host = planned && Parts.Hosts.Offers(source, NodeHost.ControlData) ? Parts.Hosts.ControlAsync(cluster.Id, source, context.Cancel) : null;
        var views = await ReachAsync(context, planned ? cluster.Nodes.Select(n => n.Region) : cluster.Nodes.Select(n => n.Region).Where(r => r != source));
        if (host is not null) await host;
        var standbys = views.Where(v => v.Key != source && v.Value.View.Standby).Select(v => v.Key).ToArray();
        if (!standbys.Contains(target)) throw new StepFailedException($"{target} does not answer as a standby.") { Final = true };
        if (planned && views.GetValueOrDefault(source).View is not { Standby: false }) throw new StepFailedException($"{source} does not answer as the primary.") { Final = true };
        var other = views.FirstOrDefault(v => v.Key != source && !v.Value.View.Standby).Key;
        if (other is not null) throw new StepFailedException($"{other} is a primary already.") { Final = true };

        var epoch = Math.Max(context.Epoch, views.Values.Max(v => v.Epoch.Value) + 1);
        await RaiseEpochAsync(context, epoch, views.Keys);

        var confirmations = Math.Min(cluster.SynchronousStandbys, standbys.Length - 1);
        context.Outputs.Set(Outputs.Standbys, standbys);
        context.Outputs.Set(Outputs.Confirmations, confirmations);
        if (!context.Outputs.Has(Outputs.Began))
        {
            context.Outputs.Set(Outputs.Began, BeganAt(context));
            if (Parts.Meters.Of(cluster.Id) is { } meter) context.Outputs.Set(Outputs.Meter, meter.Writer);
        }
        if (Parts.Feed.Current.Clusters.GetValueOrDefault(cluster.Id)?.LastHeartbeatAt is { } beat) context.Outputs.Set(Outputs.LastHeartbeat, beat);
        if (KnownPosition(cluster.Id, source, views) is { } position) context.Outputs.Set(Outputs.SourcePosition, position);
        await context.SayAsync($"Epoch {epoch} on {string.Join(", ", views.Keys.Order(StringComparer.Ordinal))}."
            + (confirmations < cluster.SynchronousStandbys ? $" Commits will be confirmed by {confirmations} standbys instead of {cluster.SynchronousStandbys} until more are back." : ""),
            new JsonObject { ["epoch"] = epoch });
    }

    // The pause that an unplanned failover mends began before anybody noticed.
    private DateTimeOffset BeganAt(StepContext context) =>
        Parts.Meters.Of(ClusterId(context))?.LastAcknowledgedAt is { } last && last > context.Clock.GetUtcNow().AddMinutes(-5) ? last.AddMilliseconds(-1) : context.Clock.GetUtcNow();

    private string? KnownPosition(string cluster, string source, Dictionary<string, (NodeView View, FleetEpoch Epoch)> views) =>
        views.TryGetValue(source, out var seen) ? seen.View.Position.ToString()
            : Parts.Seen.Position(cluster, source) is { } last ? new NpgsqlLogSequenceNumber(last).ToString()
            : Parts.Feed.Current.Clusters.GetValueOrDefault(cluster)?.Nodes.FirstOrDefault(n => n.Region == source && n.Role == NodeRole.Primary)?.Lsn;

    /// <summary>Nodes that answer in time. One whose lock another operation holds is not left out: that ends this one.</summary>
    private async Task<Dictionary<string, (NodeView View, FleetEpoch Epoch)>> ReachAsync(StepContext context, IEnumerable<string> regions)
    {
        var cluster = ClusterId(context);
        var answers = await Task.WhenAll(regions.Select(async region =>
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(context.Cancel);
            limit.CancelAfter(ReachOf(context, region));
            try
            {
                var seen = await context.Fleet(cluster).UseAsync(region, async (node, cancel) => (await NodeView.ReadAsync(node, cancel), await EpochRegister.ReadAsync(node, cancel)), limit.Token);
                return (region, Seen: ((NodeView, FleetEpoch)?)seen, Why: "");
            }
            catch (Exception e) when (e is not LeaseLostException && !context.Cancel.IsCancellationRequested)
            {
                return (region, null, Why: e is OperationCanceledException ? "no answer in time" : e.Message);
            }
        }));
        foreach (var (region, _, why) in answers.Where(a => a.Seen is null)) await context.SayAsync($"{region} is not in reach: {why}");
        return answers.Where(a => a.Seen is not null).ToDictionary(a => a.region, a => a.Seen!.Value);
    }
}

/// <summary>Every node has a slot for every other, so that standbys go on after the promotion.</summary>
public sealed class EnsureSlots(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "failover.slots";

    public override Task ActAsync(StepContext context)
    {
        var cluster = Cluster(context);
        return Task.WhenAll(Standbys(context).Select(region => OnAsync(context, region, (node, cancel) =>
            Slots.EnsureAsync(node, cluster.Nodes.Where(n => n.Region != region).Select(n => Upstream.SlotOf(cluster, n.Region)), cancel))));
    }
}

/// <summary>Little is left to write when the source stops, and to read when the target starts to write.</summary>
public sealed class Checkpoint(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "failover.checkpoint";

    public override Task ActAsync(StepContext context) => Task.WhenAll(
        OnAsync(context, Source(context), (node, cancel) => node.ExecuteAsync("CHECKPOINT", cancel)),
        OnAsync(context, Target(context), (node, cancel) => node.ExecuteAsync("CHECKPOINT", cancel)));
}

/// <summary>The stop closes the source's log segment, and the target must hold the unused rest of it before it is promoted: it gets it while
/// clients still write.</summary>
public sealed class FillSegment(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "failover.fillSegment";

    public override async Task ActAsync(StepContext context)
    {
        var written = await OnAsync(context, Source(context), (node, cancel) => LogSegment.FillAsync(node, Seconds(Options.FillSeconds), Parts.Time, cancel));
        await context.SayAsync(written == 0 ? "Little or nothing of the segment is left." : $"{written >> 10} KiB written.");
    }
}
