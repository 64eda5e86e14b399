using Npgsql;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Drivers.Redis;
using OpsConsole.Core.Failover.Detection;
using OpsConsole.Core.Failover.Measuring;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Traffic;

namespace OpsConsole.Core.Failover.Steps;

/// <summary>What every step of a failover works with.</summary>
public sealed record FailoverParts(
    FleetModel Fleet, TrafficEdge Edge, NodeHost Hosts, PulseMeters Meters, OldPrimary OldPrimary, LastSeen Seen, RoundTrips Ways, IFleetFeed Feed, RedisControl Caches, FailoverOptions Options, TimeProvider Time);

/// <summary>Names of values that steps leave for later ones.</summary>
internal static class Outputs
{
    /// <summary>Regions, without the source, whose node answered as a standby when the operation began.</summary>
    public const string Standbys = "standbys";
    /// <summary>Standbys that confirm a commit on the new primary: what is declared, or as many as are in reach.</summary>
    public const string Confirmations = "confirmations";
    public const string FleetEpoch = "fleetEpoch";
    /// <summary>Epoch of the runner that raised the fleet's.</summary>
    public const string RaisedUnder = "raisedUnder";
    public const string Began = "measuredSince";
    /// <summary>Last heartbeat that the observing half saw acknowledged before the operation.</summary>
    public const string LastHeartbeat = "lastHeartbeatAt";
    public const string SourcePosition = "sourcePosition";
    public const string FinalCheckpoint = "finalCheckpoint";
    public const string Weights = "weights";
    public const string PromotedAt = "promotedPosition";
    public const string Paused = "paused";
    /// <summary>Who counted the heartbeats when the operation began: a process that takes over has not.</summary>
    public const string Meter = "meter";
    /// <summary>Traffic that is not led back to a source that is not well.</summary>
    public const string Stays = "stays";
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
    public async Task UndoAsync(StepContext context)
    {
        await GuardUndoAsync(context);
        await TakeBackAsync(context);
    }
    public virtual async Task<bool> IsUndoneAsync(StepContext context) => await CheckAsync(context) == WorldState.NotDone;

    /// <summary>Takes the step back; repeated until <see cref="IsUndoneAsync"/>.</summary>
    protected virtual Task TakeBackAsync(StepContext context) => Task.CompletedTask;

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

    /// <summary>Before an action: the session on the target must still hold the lock, and its node must know no epoch but this operation's. A
    /// runner that was replaced finds its session ended; one that has taken over raises the epoch first, so that whatever is left of the
    /// earlier one is refused.</summary>
    /// <exception cref="StepFailedException">another operation has acted on the fleet meanwhile: this one must not go on</exception>
    protected async Task GuardAsync(StepContext context)
    {
        if (!context.Outputs.Has(Outputs.FleetEpoch))
        {
            await OnAsync(context, Target(context), (node, cancel) => node.ExecuteAsync("SELECT 1", cancel)); // the lock is enough for what does not move the primary
            return;
        }
        var mine = context.Outputs.Get<long>(Outputs.FleetEpoch);
        var known = await OnAsync(context, Target(context), EpochRegister.ReadAsync);
        if (known.Operation is { } other && other != context.OperationId)
            throw new StepFailedException($"Operation {other} has acted on {ClusterId(context)} meanwhile (epoch {known.Value}; this one has {mine}).") { Final = true };
        if (context.Outputs.Get<long>(Outputs.RaisedUnder) != context.Epoch) await RaiseEpochAsync(context, Math.Max(context.Epoch, Math.Max(known.Value, mine) + 1), Standbys(context));
        else if (known.Value > mine) throw new LeaseLostException($"{Target(context)} has seen epoch {known.Value}; this runner has {mine}.");
    }

    /// <summary>Before something is taken back. Nodes that do not answer are passed over: what is taken back may be due to their loss.</summary>
    private async Task GuardUndoAsync(StepContext context)
    {
        if (!context.Outputs.Has(Outputs.FleetEpoch)) return;
        var known = await Task.WhenAll(Standbys(context).Select(async region =>
        {
            using var limit = CancellationTokenSource.CreateLinkedTokenSource(context.Cancel);
            limit.CancelAfter(ReachOf(context, region));
            try
            {
                return await context.Fleet(ClusterId(context)).UseAsync(region, EpochRegister.ReadAsync, limit.Token);
            }
            catch (Exception e) when (e is not LeaseLostException && !context.Cancel.IsCancellationRequested)
            {
                return default;
            }
        }));
        var newest = known.MaxBy(k => k.Value);
        if (newest.Operation is { } other && other != context.OperationId)
            throw new StepFailedException($"Operation {other} has acted on {ClusterId(context)} meanwhile (epoch {newest.Value}): nothing is taken back.") { Final = true };
    }

    /// <summary>Compares and sets the epoch on each of the nodes.</summary>
    protected static async Task RaiseEpochAsync(StepContext context, long epoch, IEnumerable<string> regions)
    {
        await Task.WhenAll(regions.Select(region => OnAsync(context, region, async (node, cancel) =>
        {
            if (!await EpochRegister.RaiseAsync(node, epoch, context.OperationId, cancel)) throw new LeaseLostException($"{region} has seen a higher epoch than {epoch}.");
        })));
        context.Outputs.Set(Outputs.FleetEpoch, epoch);
        context.Outputs.Set(Outputs.RaisedUnder, context.Epoch);
    }

    /// <summary>How long a node may take for a session and a look: a new connection, the lock, what is read.</summary>
    protected TimeSpan ReachOf(StepContext context, string region) => Parts.Ways.Beyond(Seconds(Options.ReachSeconds), ClusterId(context), region, RoundTrips.ToConnect + 4);

    /// <summary>Heartbeats at full pace, from now on for as long as a move of the primary may take.</summary>
    protected void KeepMeasuring(StepContext context) => Parts.Meters.Of(ClusterId(context))?.Keep($"operation {context.OperationId}", Seconds(Options.PulseSeconds), TimeSpan.FromMinutes(10));

    protected static TimeSpan Seconds(double seconds) => TimeSpan.FromSeconds(seconds);
}
