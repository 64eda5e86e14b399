using Npgsql;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Failover.Measuring;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Traffic;

namespace OpsConsole.Core.Failover.Steps;

/// <summary>What every step of a failover works with.</summary>
public sealed record FailoverParts(
    FleetModel Fleet, TrafficEdge Edge, NodeHost Hosts, PulseMeters Meters, OldPrimary OldPrimary, IFleetFeed Feed, FailoverOptions Options, TimeProvider Time);

/// <summary>Names of values that steps leave for later ones.</summary>
internal static class Outputs
{
    /// <summary>Regions, without the source, whose node answered as a standby when the operation began.</summary>
    public const string Standbys = "standbys";
    /// <summary>Standbys that confirm a commit on the new primary: what is declared, or as many as are in reach.</summary>
    public const string Confirmations = "confirmations";
    public const string FleetEpoch = "fleetEpoch";
    public const string Began = "measuredSince";
    /// <summary>Last heartbeat that the observing half saw acknowledged before the operation.</summary>
    public const string LastHeartbeat = "lastHeartbeatAt";
    public const string SourcePosition = "sourcePosition";
    public const string FinalCheckpoint = "finalCheckpoint";
    public const string Weights = "weights";
    public const string PromotedAt = "promotedPosition";
    public const string Paused = "paused";
}

/// <summary>One move of a cluster's primary from a source to a target region.</summary>
public abstract class FailoverStep(FailoverParts parts, string name) : IStep
{
    public string Name { get; } = name;
    protected FailoverParts Parts { get; } = parts;
    protected FailoverOptions Options => Parts.Options;

    public virtual Task<WorldState> CheckAsync(StepContext context) => Task.FromResult(WorldState.NotDone);
    public abstract Task ActAsync(StepContext context);
    public virtual Task VerifyAsync(StepContext context) => DefaultVerifyAsync(context);
    public virtual Task UndoAsync(StepContext context) => Task.CompletedTask;
    public virtual async Task<bool> IsUndoneAsync(StepContext context) => await CheckAsync(context) == WorldState.NotDone;

    private async Task DefaultVerifyAsync(StepContext context)
    {
        if (await CheckAsync(context) != WorldState.Done) throw new StepFailedException("Read back, the effect is not there.");
    }

    protected static string ClusterId(StepContext context) => context.Parameter<string>("cluster");
    protected static string Source(StepContext context) => context.Parameter<string>("source");
    protected static string Target(StepContext context) => context.Parameter<string>("target");
    protected ClusterOptions Cluster(StepContext context) => Parts.Fleet.Clusters[ClusterId(context)];

    /// <summary>Standbys in reach, the target among them.</summary>
    protected static IReadOnlyList<string> Standbys(StepContext context) => context.Outputs.Get<string[]>(Outputs.Standbys) ?? [];

    /// <summary>Standbys in reach without the target.</summary>
    protected static IReadOnlyList<string> Others(StepContext context) => Standbys(context).Where(r => r != Target(context)).ToList();

    protected int Confirmations(StepContext context) => context.Outputs.Has(Outputs.Confirmations) ? context.Outputs.Get<int>(Outputs.Confirmations) : Cluster(context).SynchronousStandbys;

    /// <summary>The list that a node uses as primary: every other node, never itself.</summary>
    protected string NamesFor(StepContext context, string region, int confirmations)
    {
        var cluster = Cluster(context);
        return SynchronousCommit.Names(confirmations, cluster.Nodes.Where(n => n.Region != region).Select(n => Upstream.NameOf(cluster, n.Region)));
    }

    protected static Task<T> OnAsync<T>(StepContext context, string region, Func<NpgsqlConnection, CancellationToken, Task<T>> work) =>
        context.Fleet(ClusterId(context)).UseAsync(region, work, context.Cancel);

    protected static Task OnAsync(StepContext context, string region, Func<NpgsqlConnection, CancellationToken, Task> work) =>
        OnAsync(context, region, async (node, cancel) =>
        {
            await work(node, cancel);
            return true;
        });

    protected Task<NodeView> LookAsync(StepContext context, string region) => OnAsync(context, region, NodeView.ReadAsync);

    /// <summary>Acting on anything but the database: first the session on the target must still hold the lock, and its node must not
    /// know a higher epoch. A runner that was replaced finds its session ended.</summary>
    protected Task GuardAsync(StepContext context) => OnAsync(context, Target(context), async (node, cancel) =>
    {
        if (!context.Outputs.Has(Outputs.FleetEpoch)) return; // the lock is enough for what does not move the primary
        var known = await EpochRegister.ReadAsync(node, cancel);
        var mine = context.Outputs.Get<long>(Outputs.FleetEpoch);
        if (known > mine) throw new LeaseLostException($"{Target(context)} has seen epoch {known}; this operation has {mine}.");
    });

    protected static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);
}
