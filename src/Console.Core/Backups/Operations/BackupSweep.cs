using Microsoft.Extensions.Logging;
using OpsConsole.Core.Backups.Restoring;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Backups.Operations;

/// <summary>Removes what ended operations have left on hosts and in stores: half-made backups, and scratch instances. Looks at the world, so that it also finds what
/// nobody remembers.</summary>
public sealed class BackupSweep(FleetModel fleet, BackupEngineRegistry engines, BackupCatalogue catalogue, Instances instances, InPlaceNodes nodes, OperationReader operations, TimeProvider time, ILogger<BackupSweep> log) : IObserver
{
    private static readonly TimeSpan Every = TimeSpan.FromSeconds(60);

    private readonly HashSet<Guid> _dropped = [];

    public string Name => "backup sweep";

    public async Task RunAsync(CancellationToken cancel)
    {
        using var timer = new PeriodicTimer(Every, time);
        do
        {
            await SweepAsync(cancel);
        }
        while (await timer.WaitForNextTickAsync(cancel));
    }

    public async Task SweepAsync(CancellationToken cancel)
    {
        foreach (var found in await instances.AllAsync(cancel)) await TryAsync($"instance at port {found.Place.Port} in {found.Place.Region}", () => InstanceAsync(found, cancel));
        foreach (var cluster in fleet.Clusters.Keys)
        {
            // Only restores in place, and what took them back, claim the cluster.
            foreach (var restore in await operations.ListAsync(BackupKinds.Restore, OperationState.Succeeded, $"cluster:{cluster}", limit: 1000, cancel: cancel))
                await TryAsync($"data set aside in {cluster}", () => DropAsideAsync(restore, cancel));
            foreach (var engine in engines.Of(cluster))
                await TryAsync($"backups of {cluster} by {engine.Id}", async () =>
                {
                    foreach (var id in await engine.OperationsAsync(cluster, cancel)) await TryAsync($"backup {id} by {engine.Id}", () => BackupAsync(engine, cluster, id, cancel));
                });
        }
    }

    /// <summary>What cannot be removed now does not keep the rest from it; the next round tries again.</summary>
    private async Task TryAsync(string what, Func<Task> remove)
    {
        try
        {
            await remove();
        }
        catch (Exception e) when (e is BackupEngineException or HostShellException)
        {
            BackupsLog.SweepFailed(log, what, e.Message);
        }
    }

    private async Task InstanceAsync(FoundInstance found, CancellationToken cancel)
    {
        // An operation of another console that shares the hosts is none of ours.
        if (await operations.FindAsync(found.Operation, cancel) is not { } operation || !IsOver(operation) || IsWanted(operation)) return;
        await instances.RemoveAsync(found.Place, found.Operation, cancel);
        BackupsLog.Swept(log, found.Operation, $"instance at port {found.Place.Port} in {found.Place.Region}");
    }

    private async Task BackupAsync(IBackupEngine engine, string cluster, Guid id, CancellationToken cancel)
    {
        var entry = await catalogue.OfOperationAsync(id, cancel);
        if (entry is { State: not (BackupState.Failed or BackupState.Expired) }) return;
        if (await operations.FindAsync(id, cancel) is not { } operation || !IsOver(operation)) return;
        // One that failed its verification stays for somebody to look at; what an ended operation made does not.
        if (operation.State == OperationState.Succeeded && entry is not { State: BackupState.Expired }) return;
        await engine.AbandonAsync(cluster, id, cancel);
        BackupsLog.Swept(log, id, $"backup by {engine.Id}");
    }

    /// <summary>The data that a restore in place had set aside, once nobody can take it back any more.</summary>
    private async Task DropAsideAsync(Operation restore, CancellationToken cancel)
    {
        if (restore.Request.Optional("destination") != "inPlace" || restore.CommitUntil > time.GetUtcNow() || restore.Result["region"]?.GetValue<string>() is not { } region || _dropped.Contains(restore.Id)) return;
        await nodes.DropAsync(restore.Request.Text("cluster"), region, restore.Id, cancel);
        _dropped.Add(restore.Id);
        BackupsLog.Swept(log, restore.Id, $"data set aside in {region}");
    }

    private static bool IsOver(Operation operation) => operation.State.IsEnd();

    // A restored instance stays until somebody discards it.
    private static bool IsWanted(Operation operation) => operation is { Kind: BackupKinds.Restore, State: OperationState.Succeeded };
}
