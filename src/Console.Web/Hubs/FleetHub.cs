using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.SignalR;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;
using OpsConsole.Web.Api;
using OpsConsole.Web.Identity;

namespace OpsConsole.Web.Hubs;

/// <summary>One message of the stream. The first is a snapshot with everything; the others hold whole entities that changed, by kind.</summary>
/// <param name="Type">snapshot or changes</param>
/// <param name="Epoch">Of the observing node's lease; a larger one begins with a new snapshot's worth of changes.</param>
/// <param name="Sequence">Grows within an epoch; gaps are batches that were merged for a slow reader, nothing is lost by them.</param>
public sealed record FleetMessage(
    string Type, long Epoch, long Sequence, DateTimeOffset At, HealthStatus Overall,
    IReadOnlyList<RegionView> Regions, IReadOnlyList<ServiceView> Services, IReadOnlyList<ClusterView> Clusters,
    IReadOnlyList<LinkView> Links, IReadOnlyList<LatencyView> Latencies, IReadOnlyList<ComponentView> Components);

/// <summary>The live picture for programs: <c>Watch()</c> streams a snapshot and then batches of changes, the first at once, then at most
/// ten a second. Links are a list of their own; those inside clusters are empty here. <c>Operation(id, after)</c> streams an operation's journal.</summary>
[Authorize(Policy = Policies.ViewFleet)]
public sealed class FleetHub(IFleetFeed feed, FleetViews views, IOperationFeed journal, OperationReader operations, SessionCheck session) : Hub
{
    public const string Path = "/hubs/fleet";

    public async IAsyncEnumerable<FleetMessage> Watch([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var subscription = feed.Subscribe();
        var snapshot = subscription.Snapshot;
        yield return Message("snapshot", snapshot.Epoch, snapshot.Sequence, snapshot.At, snapshot.Overall, [
            .. snapshot.Regions.Values, .. snapshot.Services.Values, .. snapshot.Clusters.Values, .. snapshot.Links.Values, .. snapshot.Latencies.Values, .. snapshot.Components.Values]);

        await foreach (var batch in session.WhileValidAsync(subscription.Batches.ReadAllAsync(cancellationToken), Context.User!, cancellationToken))
        {
            if (batch.Changed.All(c => c is ReadinessState) && batch.RemovedLinks.IsDefaultOrEmpty)
                continue; // nothing that this stream carries
            yield return Message("changes", batch.Epoch, batch.Sequence, batch.At, batch.Overall, batch.Changed);
        }
        if (!cancellationToken.IsCancellationRequested)
            Context.Abort();
    }

    /// <summary>An operation's journal, live until it ends; the same as its server-sent events.</summary>
    /// <param name="after">sequence of the last entry seen; 0: from the beginning</param>
    /// <exception cref="HubException">no such operation</exception>
    public async IAsyncEnumerable<OperationEventView> Operation(Guid id, long after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        if (await operations.FindAsync(id, cancellationToken) is null)
            throw new HubException($"There is no operation {id}.");
        await foreach (var happened in session.WhileValidAsync(journal.FollowAsync(id, after, cancellationToken), Context.User!, cancellationToken))
            yield return OperationEventView.Of(happened);
    }

    private FleetMessage Message(string type, long epoch, long sequence, DateTimeOffset at, HealthStatus overall, IReadOnlyList<ILiveEntity> entities) => new(
        type, epoch, sequence, at, overall,
        [.. entities.OfType<RegionState>().Select(views.View)],
        [.. entities.OfType<ServiceState>().Select(views.View)],
        [.. entities.OfType<ClusterState>().Select(c => FleetViews.View(c, []))],
        [.. entities.OfType<LinkState>().Select(FleetViews.View)],
        [.. entities.OfType<LatencyState>().Select(FleetViews.View)],
        [.. entities.OfType<ComponentState>().Select(FleetViews.View)]);
}
