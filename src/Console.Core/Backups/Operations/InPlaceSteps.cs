using System.Net.Sockets;
using Npgsql;
using OpsConsole.Core.Backups.Restoring;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Failover;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Backups.Operations;

/// <summary>What is done to the nodes of a cluster that is restored in place. The data of the node that was the primary is set aside on its host under the operation's
/// name, and put back from there; the commands are <c>data.*</c> of the region's shell.</summary>
public sealed class InPlaceNodes(FleetModel fleet, IHostShell shell, NodeHost hosts, OldPrimary old, TimeProvider time)
{
    private static readonly TimeSpan OpenLimit = TimeSpan.FromMinutes(30);
    private static readonly TimeSpan SilenceLimit = TimeSpan.FromSeconds(5);
    private static readonly string[] RecoverySettings = ["recovery_target", "recovery_target_time", "recovery_target_name", "recovery_target_timeline", "recovery_target_action", "restore_command"];

    public bool Offers(string region) => shell.Offers(region, "data.aside") && hosts.Offers(region, NodeHost.Stop) && hosts.Offers(region, NodeHost.Start);

    /// <summary>Stops the standbys that can be reached, then the primary, which must stop.</summary>
    public async Task StopAllAsync(string cluster, string region, Func<string, Task> say, CancellationToken cancel)
    {
        await Task.WhenAll(Others(cluster, region).Select(async other =>
        {
            try
            {
                await hosts.StopAsync(cluster, other, cancel);
            }
            catch (HostShellException e)
            {
                await say($"{other} is not in reach and follows later: {e.Message}");
            }
        }));
        await hosts.StopAsync(cluster, region, cancel);
        if (!await StoppedAsync(cluster, region, cancel)) throw new StepFailedException($"{region} has not stopped.");
    }

    public async Task<bool> StoppedAsync(string cluster, string region, CancellationToken cancel)
    {
        try
        {
            await using var node = await OpenAsync(cluster, region, cancel);
            return false;
        }
        catch (Exception e) when (e is NpgsqlException or SocketException or TimeoutException)
        {
            return e is not PostgresException; // one that refuses us runs
        }
    }

    public async Task<bool> IsAsideAsync(string cluster, string region, Guid operation, CancellationToken cancel) =>
        (await RunAsync("data.look", cluster, region, operation, null, cancel)).Output.Contains("aside", StringComparison.Ordinal);

    public Task AsideAsync(string cluster, string region, Guid operation, CancellationToken cancel) => RunAsync("data.aside", cluster, region, operation, null, cancel);

    /// <summary>Puts the old data back in place of whatever is there now. It opens at the end of its own log as a new timeline, past the number of the branch that is left:
    /// log of that branch is stored, and the next promotion would give its number to another history.</summary>
    public Task BackAsync(string cluster, string region, Guid operation, CancellationToken cancel) =>
        RunAsync("data.back", cluster, region, operation, "restore_command = 'false'\nrecovery_target_timeline = 'current'\n", cancel);

    public Task DropAsync(string cluster, string region, Guid operation, CancellationToken cancel) => RunAsync("data.drop", cluster, region, operation, null, cancel);

    /// <summary>Removes what is in place of the data; only while the old data is aside.</summary>
    public Task EmptyAsync(string cluster, string region, Guid operation, CancellationToken cancel) => RunAsync("data.empty", cluster, region, operation, null, cancel);

    /// <summary>The node's own settings into restored data; it waits for no standby until there is one.</summary>
    public Task SettleAsync(string cluster, string region, Guid operation, CancellationToken cancel) =>
        RunAsync("data.settle", cluster, region, operation, "synchronous_standby_names = ''\nprimary_conninfo = ''\n", cancel);

    /// <summary>Starts it and waits until it takes writes.</summary>
    public async Task OpenPrimaryAsync(string cluster, string region, CancellationToken cancel)
    {
        if (await StoppedAsync(cluster, region, cancel)) await hosts.StartAsync(cluster, region, cancel);
        await OpensAsync(cluster, region, cancel);
        // What told it where to stop must not reach the standbys, which take its settings along.
        await using var node = await OpenAsync(cluster, region, cancel);
        foreach (var setting in RecoverySettings) await node.ExecuteAsync($"ALTER SYSTEM RESET {setting}", cancel);
    }

    // It was started and has answered: when nobody listens any more, its recovery could not reach the target.
    private async Task OpensAsync(string cluster, string region, CancellationToken cancel)
    {
        var heard = time.GetTimestamp();
        await NodeSql.UntilAsync(async () =>
        {
            if (await IsWritableAsync(cluster, region, cancel)) return true;
            if (!await StoppedAsync(cluster, region, cancel)) heard = time.GetTimestamp();
            if (time.GetElapsedTime(heard) < SilenceLimit) return false;
            throw new StepFailedException($"The server in {region} has ended. {ServerLog.Reason(await hosts.LogAsync(cluster, region, cancel))}".Trim()) { Final = true };
        }, OpenLimit, time, () => $"{region} does not end its recovery.", cancel);
    }

    public async Task<bool> IsWritableAsync(string cluster, string region, CancellationToken cancel)
    {
        try
        {
            await using var node = await OpenAsync(cluster, region, cancel);
            return !await Promotion.InRecoveryAsync(node, cancel);
        }
        catch (Exception e) when (e is NpgsqlException or SocketException or TimeoutException)
        {
            return false; // not open yet
        }
    }

    /// <summary>Every other node in reach becomes a standby of this one (rewound, else copied afresh), and confirms commits again.</summary>
    /// <returns>how many follow</returns>
    public async Task<int> FollowAsync(string cluster, string region, Func<string, Task> say, CancellationToken cancel)
    {
        var declared = fleet.Clusters[cluster];
        string Names(string of, int confirmations) => SynchronousCommit.Names(confirmations, declared.Nodes.Where(n => n.Region != of).Select(n => Upstream.NameOf(declared, n.Region)));
        await using var node = await OpenAsync(cluster, region, cancel);
        // Restored data has no slots, and standbys wait for theirs.
        await Slots.EnsureAsync(node, Others(cluster, region).Select(o => Upstream.SlotOf(declared, o)), cancel);
        await node.ExecuteAsync("CHECKPOINT", cancel);
        var following = (await Task.WhenAll(Others(cluster, region).Select(async other =>
        {
            try
            {
                await old.RejoinAsync(cluster, other, region, clean: false, Names(other, declared.SynchronousStandbys), say, cancel);
                return true;
            }
            catch (Exception e) when (e is HostShellException or NpgsqlException or SocketException or TimeoutException)
            {
                await say($"{other} does not follow yet: {e.Message}");
                return false;
            }
        }))).Count(followed => followed);
        await SynchronousCommit.SetAsync(node, Names(region, Math.Min(declared.SynchronousStandbys, Math.Max(0, following - 1))), TimeSpan.FromSeconds(10), time, cancel);
        return following;
    }

    /// <summary>How many standbys stream from it.</summary>
    public async Task<int> FollowersAsync(string cluster, string region, CancellationToken cancel)
    {
        await using var node = await OpenAsync(cluster, region, cancel);
        return (await SynchronousCommit.ServedAsync(node, cancel)).Count;
    }

    public Task<NpgsqlConnection> OpenAsync(string cluster, string region, CancellationToken cancel)
    {
        var declared = fleet.Clusters[cluster];
        return NodeConnection.OpenAsync(declared, declared.Nodes.First(n => n.Region == region), "opsconsole restore", cancel);
    }

    public string Data(string cluster, string region) => fleet.Clusters[cluster].Nodes.First(n => n.Region == region).DataDirectory;

    public IEnumerable<string> Others(string cluster, string region) => fleet.Clusters[cluster].Nodes.Select(n => n.Region).Where(r => r != region);

    private Task<HostCommandResult> RunAsync(string command, string cluster, string region, Guid operation, string? input, CancellationToken cancel) =>
        shell.RequireAsync(region, command, new Dictionary<string, string> { ["data"] = Data(cluster, region), ["operation"] = operation.ToString() }, input, cancel);
}

public abstract class InPlaceStep(BackupParts parts, InPlaceNodes nodes, string name) : BackupStep(parts, name)
{
    protected InPlaceNodes Nodes { get; } = nodes;
    protected static string Region(StepContext context) => context.Parameter<string>("region");
    protected static Func<string, Task> Say(StepContext context) => text => context.SayAsync(text);
}

/// <summary>Stops every node of the cluster. Its undo starts them again and brings the standbys back.</summary>
public sealed class StopCluster(BackupParts parts, InPlaceNodes nodes) : InPlaceStep(parts, nodes, StepName)
{
    public const string StepName = "restore.stop";

    public override async Task<WorldState> CheckAsync(StepContext context) => await Nodes.StoppedAsync(Cluster(context), Region(context), context.Cancel) ? WorldState.Done : WorldState.NotDone;

    public override Task ActAsync(StepContext context) => Nodes.StopAllAsync(Cluster(context), Region(context), Say(context), context.Cancel);

    public override async Task UndoAsync(StepContext context)
    {
        await Nodes.OpenPrimaryAsync(Cluster(context), Region(context), context.Cancel);
        await Nodes.FollowAsync(Cluster(context), Region(context), Say(context), context.Cancel);
    }

    public override Task<bool> IsUndoneAsync(StepContext context) => Nodes.IsWritableAsync(Cluster(context), Region(context), context.Cancel);
}

/// <summary>Sets the old data aside; it stays there until the restore is committed.</summary>
public sealed class SetDataAside(BackupParts parts, InPlaceNodes nodes) : InPlaceStep(parts, nodes, StepName)
{
    public const string StepName = "restore.aside";

    public override async Task<WorldState> CheckAsync(StepContext context) => await Nodes.IsAsideAsync(Cluster(context), Region(context), context.OperationId, context.Cancel) ? WorldState.Done : WorldState.NotDone;

    public override Task ActAsync(StepContext context) => Nodes.AsideAsync(Cluster(context), Region(context), context.OperationId, context.Cancel);

    public override Task UndoAsync(StepContext context) => Nodes.BackAsync(Cluster(context), Region(context), context.OperationId, context.Cancel);
}

/// <summary>Fills the data directory, starts the server on it and waits until it takes writes. Its undo stops it: the directory itself is replaced by the old data.</summary>
public sealed class OpenRestored(BackupParts parts, InPlaceNodes nodes) : InPlaceStep(parts, nodes, StepName)
{
    public const string StepName = "restore.inPlace";

    public override async Task<WorldState> CheckAsync(StepContext context) =>
        !await Nodes.IsWritableAsync(Cluster(context), Region(context), context.Cancel) ? WorldState.NotDone
        : context.Outputs.Has(RestoreOutputs.Seconds) ? WorldState.Done : WorldState.Unclear;

    public override Task ActAsync(StepContext context) => TellingAsync(async () =>
    {
        var (cluster, region) = (Cluster(context), Region(context));
        if (!await Nodes.StoppedAsync(cluster, region, context.Cancel)) await Nodes.StopAllAsync(cluster, region, Say(context), context.Cancel);
        if (!await Nodes.IsAsideAsync(cluster, region, context.OperationId, context.Cancel)) throw new StepFailedException("The old data is not aside: nothing is overwritten.") { Final = true };
        var began = Parts.Time.GetTimestamp();
        var backup = await BackupAsync(context);
        var copy = backup.Copies.First(c => c.Repository == context.Parameter<string[]>("copies")[0]);
        // What an earlier try has left is replaced: the old data lies aside.
        await Nodes.EmptyAsync(cluster, region, context.OperationId, context.Cancel);
        await Parts.Engines.Get(backup.Engine).RestoreAsync(new RestoreOrder(cluster, backup.Type, copy, await OpenInstance.TargetAsync(context, Parts), region, Nodes.Data(cluster, region)), Progress(context), context.Cancel);
        await Nodes.SettleAsync(cluster, region, context.OperationId, context.Cancel);
        await context.ProgressAsync(60, "the server starts and recovers");
        await Nodes.OpenPrimaryAsync(cluster, region, context.Cancel);
        var seconds = Math.Round(Parts.Time.GetElapsedTime(began).TotalSeconds, 3);
        context.Outputs.Set(RestoreOutputs.Seconds, seconds);
        context.Result.Set(RestoreOutputs.Seconds, seconds);
        context.Result.Set("region", region);
        Parts.Metrics.Recovered(context.Plan.Kind, seconds);
    });

    public override async Task UndoAsync(StepContext context)
    {
        if (!await Nodes.StoppedAsync(Cluster(context), Region(context), context.Cancel)) await Nodes.StopAllAsync(Cluster(context), Region(context), Say(context), context.Cancel);
    }

    public override Task<bool> IsUndoneAsync(StepContext context) => Nodes.StoppedAsync(Cluster(context), Region(context), context.Cancel);
}

/// <summary>The other nodes follow the restored one.</summary>
public sealed class FollowRestored(BackupParts parts, InPlaceNodes nodes) : InPlaceStep(parts, nodes, StepName)
{
    public const string StepName = "restore.follow";

    public override async Task ActAsync(StepContext context)
    {
        var (cluster, region) = (Cluster(context), Region(context));
        var following = await Nodes.FollowAsync(cluster, region, Say(context), context.Cancel);
        var others = Nodes.Others(cluster, region).Count();
        context.Result.Set("standbys", following);
        if (following < others) Alarm(context, "restoreIncomplete", $"{following} of {others} standbys follow {region}; rejoin the others.");
    }
}

/// <summary>Takes a restore in place back: the old data again, and the standbys with it.</summary>
public sealed class TakeBackInPlace(BackupParts parts, InPlaceNodes nodes) : InPlaceStep(parts, nodes, StepName)
{
    public const string StepName = "restore.takeBack";

    public override async Task<WorldState> CheckAsync(StepContext context) =>
        !await Nodes.IsAsideAsync(Cluster(context), Region(context), context.Parameter<Guid>("operation"), context.Cancel) && await Nodes.IsWritableAsync(Cluster(context), Region(context), context.Cancel)
        && context.Outputs.Has("followed") ? WorldState.Done : WorldState.NotDone;

    public override async Task ActAsync(StepContext context)
    {
        var (cluster, region, operation) = (Cluster(context), Region(context), context.Parameter<Guid>("operation"));
        if (await Nodes.IsAsideAsync(cluster, region, operation, context.Cancel))
        {
            await Nodes.StopAllAsync(cluster, region, Say(context), context.Cancel);
            await Nodes.BackAsync(cluster, region, operation, context.Cancel);
        }
        await Nodes.OpenPrimaryAsync(cluster, region, context.Cancel);
        await Nodes.FollowAsync(cluster, region, Say(context), context.Cancel);
        context.Outputs.Set("followed", true);
    }
}
