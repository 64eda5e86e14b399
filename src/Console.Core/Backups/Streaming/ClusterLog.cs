using Microsoft.Extensions.Logging;
using Npgsql;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Backups.Format;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Backups.Streaming;

/// <summary>What streaming a cluster's log needs of the rest.</summary>
internal sealed record ClusterLogParts(
    IFleetFeed Feed, DeclaredKeys Keys, IWalSource Source, IWalSlots Slots, WalStreamStates States, WalStreamOptions Options, ILogGaps Gaps, IReadOnlyList<IAlarmSink> Alarms, TimeProvider Time, ILogger Log);

/// <summary>One cluster: streams, and keeps the slots of all its nodes near what is stored.</summary>
internal sealed class ClusterLog(ClusterOptions cluster, IReadOnlyList<IBackupStore> stores, ClusterLogParts parts)
{
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan SlotsEvery = TimeSpan.FromSeconds(5);
    private readonly string _slot = WalSlotNames.Of(cluster.Id);
    private WalStream? _stream;
    private string? _said;
    private bool _alarmed;
    private readonly List<MissingLog> _missed = []; // not on record yet

    private string? PrimaryRegion => parts.Feed.Current.Clusters.GetValueOrDefault(cluster.Id)?.PrimaryRegion;

    private string AddressOf(string region) => cluster.Nodes.First(n => n.Region == region).Address;

    public async Task RunAsync(CancellationToken cancel)
    {
        var keeping = KeepSlotsAsync(cancel);
        while (!cancel.IsCancellationRequested)
        {
            try
            {
                await StreamAsync(cancel);
            }
            catch (Exception e) when (e is WalSourceException or StoreException or BackupEngineException or BackupKeyException)
            {
                Say(e.Message);
            }
            await Task.WhenAny(Task.Delay(Pause, parts.Time, cancel));
        }
        await keeping;
    }

    private async Task StreamAsync(CancellationToken cancel)
    {
        if (PrimaryRegion is not { } region)
        {
            Say("no primary is known");
            return;
        }
        var ring = await parts.Keys.RingAsync(cancel);
        var slot = await KeepAsync(region, null, cancel);
        await using var connection = await parts.Source.OpenAsync(cluster, AddressOf(region), cancel);
        var stream = new WalStream(cluster, connection, stores, ring, parts.Options, parts.Time, parts.Log)
        {
            Stored = (timeline, upTo) =>
            {
                Stored(region, timeline, upTo);
                return Task.CompletedTask;
            },
            Missed = missing => MissedAsync(missing, cancel),
        };
        _stream = stream;
        using var moved = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var watching = WatchPrimaryAsync(region, moved);
        try
        {
            Set(s => s with { Region = region, Copies = stream.Copies }); // a failure stays until something is stored again
            await stream.RunAsync(slot.Restart ?? connection.Position, moved.Token);
        }
        catch (OperationCanceledException) when (!cancel.IsCancellationRequested)
        {
            Say($"the primary is no longer in {region}");
        }
        finally
        {
            await moved.CancelAsync();
            await watching;
        }
    }

    /// <summary>A node that is no primary any more may go on sending: what it sends is nobody's history.</summary>
    private async Task WatchPrimaryAsync(string region, CancellationTokenSource moved)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(250), parts.Time);
        try
        {
            while (await timer.WaitForNextTickAsync(moved.Token))
            {
                if (PrimaryRegion is { } now && now != region) await moved.CancelAsync();
            }
        }
        catch (OperationCanceledException)
        {
            return;
        }
    }

    private void Stored(string region, int timeline, WalPosition upTo)
    {
        _said = null;
        Set(s => s with
        {
            Region = region,
            Timeline = timeline,
            Stored = upTo,
            StoredAt = parts.Time.GetUtcNow(),
            Failure = null,
            Copies = _stream?.Copies ?? s.Copies,
        });
    }

    /// <summary>Found again with each new stream until something is stored past it. The stream does not wait for the console's database: what is not on record is tried again.</summary>
    private async Task MissedAsync(MissingLog missing, CancellationToken cancel)
    {
        lock (_missed)
        {
            if (!_missed.Contains(missing)) _missed.Add(missing);
        }
        Set(s => s with { Gap = true });
        await RecordGapsAsync(cancel);
    }

    private async Task RecordGapsAsync(CancellationToken cancel)
    {
        MissingLog[] open;
        lock (_missed) open = [.. _missed];
        foreach (var missing in open)
        {
            try
            {
                if (await parts.Gaps.RecordAsync(cluster.Id, BackupEngines.Streaming, missing, cancel)) parts.Log.WalGap(cluster.Id, missing.From.ToString(), missing.To.ToString());
            }
            catch (NpgsqlException e)
            {
                parts.Log.WalGapNotRecorded(cluster.Id, missing.From.ToString(), missing.To.ToString(), e.Message);
                return;
            }
            lock (_missed) _missed.Remove(missing);
        }
    }

    private void Set(Func<WalStreamState, WalStreamState> change) => parts.States.Set(cluster.Id, change);

    private void Say(string failure)
    {
        Set(s => s with { Failure = failure, Copies = _stream?.Copies ?? s.Copies });
        if (_said != failure) parts.Log.WalNotStreaming(cluster.Id, failure);
        _said = failure;
    }

    /// <summary>A slot on each node, so that the log is kept wherever the primary goes; each is moved on to what is stored as whole segments.</summary>
    private async Task KeepSlotsAsync(CancellationToken cancel)
    {
        using var timer = new PeriodicTimer(SlotsEvery, parts.Time);
        try
        {
            while (await timer.WaitForNextTickAsync(cancel))
            {
                await RecordGapsAsync(cancel);
                foreach (var node in cluster.Nodes)
                {
                    try
                    {
                        var slot = await KeepAsync(node.Region, _stream?.Settled, cancel);
                        if (node.Region == PrimaryRegion) await GuardDiskAsync(node, slot, cancel);
                    }
                    catch (WalSourceException e)
                    {
                        parts.Log.WalSlotNotKept(cluster.Id, node.Region, e.Message);
                    }
                }
            }
        }
        catch (OperationCanceledException) when (cancel.IsCancellationRequested)
        {
            return;
        }
    }

    private async Task<WalSlot> KeepAsync(string region, WalPosition? to, CancellationToken cancel)
    {
        var slot = await parts.Slots.KeepAsync(cluster, AddressOf(region), _slot, to, cancel);
        if (slot.Restart is not null) return slot;
        // The server has dropped what the slot kept (max_slot_wal_keep_size): it keeps nothing any more, and has to be made anew.
        parts.Log.WalSlotLost(cluster.Id, region);
        await parts.Slots.DropAsync(cluster, AddressOf(region), _slot, cancel);
        return await parts.Slots.KeepAsync(cluster, AddressOf(region), _slot, null, cancel);
    }

    /// <summary>Log that cannot be stored must not fill the primary's disk.</summary>
    private async Task GuardDiskAsync(ClusterNodeOptions node, WalSlot slot, CancellationToken cancel)
    {
        Set(s => s with { RetainedBytes = slot.RetainedBytes });
        var megabytes = slot.RetainedBytes / 1e6;
        if (parts.Options.DropMegabytes > 0 && megabytes > parts.Options.DropMegabytes)
        {
            await parts.Slots.DropAsync(cluster, node.Address, _slot, cancel);
            Set(s => s with { Gap = true, RetainedBytes = 0 });
            Raise("The log's slot was dropped", $"{node.Region} kept {megabytes:0} MB of log of {cluster.Id} that could not be stored; the limit is {parts.Options.DropMegabytes:0} MB. The log now has a gap: mend the repositories, then take a full backup.");
            _alarmed = false; // what piles up from here is news again
            return;
        }
        if (megabytes > parts.Options.AlarmMegabytes && !_alarmed)
        {
            Raise("Log piles up on the primary", $"{node.Region} keeps {megabytes:0} MB of log of {cluster.Id} that is not stored yet. Look at the repositories: {parts.States.Of(cluster.Id)?.Failure ?? "they take it, but too slowly"}.");
        }
        _alarmed = megabytes > parts.Options.AlarmMegabytes;
    }

    private void Raise(string title, string detail)
    {
        parts.Log.WalAlarm(cluster.Id, title, detail);
        foreach (var sink in parts.Alarms) sink.Raise(new Alarm("walStreaming", title, detail, null, Person.Console.Email, parts.Time.GetUtcNow()) { OnRecord = false });
    }
}

internal static class WalSlotNames
{
    public static string Of(string cluster) => Drivers.Postgres.Control.Slots.BackupPrefix + "wal_" + cluster.Replace('-', '_');
}
