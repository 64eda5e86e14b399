using OpsConsole.Core.Backups.Format;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Backups.Streaming;

/// <summary>Full backups and the log, straight from the database into every repository that is declared for streaming. Needs nothing on the hosts, and for a restore there only <c>tar</c>.</summary>
public sealed class StreamingEngine(
    FleetModel fleet, IFleetFeed feed, WriteBrakes brakes, Repositories repositories, DeclaredKeys keys, IBaseBackupSource source, WalStreamStates log, IHostPipe hosts, IHostShell shell, TimeProvider time)
    : StoringEngine(keys), IBackupEngine
{
    /// <summary>Unpacks the tar archive on standard input into <c>{directory}</c>, which it makes; refuses one that is not empty.</summary>
    public const string UnpackCommand = "streaming.unpack";

    public string Id => BackupEngines.Streaming;

    public EngineCapabilities Capabilities { get; } = new(Full: true, Incremental: false, Logical: false, PointInTime: true);

    public IReadOnlyList<string> Repositories(string cluster) => Keys.Any && fleet.Clusters.TryGetValue(cluster, out var options) ? [.. repositories.ForStreaming(options).Select(s => s.Id)] : [];

    public async Task<TakenBackup> TakeAsync(TakeOrder order, BackupProgress progress, CancellationToken cancel)
    {
        if (await ResumeAsync(order.Cluster, order.Operation, cancel) is { } done) return done;
        var cluster = fleet.Clusters[order.Cluster];
        var (ring, stores) = (await RingAsync(cancel), repositories.ForStreaming(cluster));
        return await FirstAsync(order.Cluster, StreamNodes.Order(cluster, feed.Current.Clusters.GetValueOrDefault(cluster.Id)), async node =>
        {
            await progress(null, $"reading the node in {node.Region}");
            var taken = await new StreamTaker(source, FanOutLimits.Usual, time, brakes.Of(order))
                .TakeAsync(new StreamOrder(cluster, node.Region, node.Address, order.Operation, new BaseBackupOrder("")), ring, stores, progress, cancel);
            return Taken(taken.Backup, [.. stores.Select(s => Copy(s.Id, taken.Backup.Label, taken.Backup.StoredBytes, taken.Failures.GetValueOrDefault(s.Id)))]);
        }, progress);
    }

    public async Task<IReadOnlyList<CopyVerdict>> VerifyAsync(string cluster, IReadOnlyList<BackupCopy> copies, BackupProgress progress, CancellationToken cancel)
    {
        var verdicts = new List<CopyVerdict>();
        foreach (var (copy, n) in copies.Select((c, n) => (c, n)))
        {
            verdicts.Add(copy.Label.Length == 0
                ? new CopyVerdict(copy.Repository, false, copy.Detail.Length > 0 ? copy.Detail : "this copy was never made")
                : await VerifyAsync(cluster, copy, (done, all) => progress(100.0 * (n + ((double)done / Math.Max(1, all))) / copies.Count, $"{copy.Repository}: {done / 1_000_000} of {all / 1_000_000} MB read"), cancel));
        }
        return verdicts;
    }

    private async Task<CopyVerdict> VerifyAsync(string cluster, BackupCopy copy, Func<long, long, Task> progress, CancellationToken cancel)
    {
        try
        {
            var bytes = await new StreamRepository(repositories[copy.Repository]).VerifyAsync(cluster, copy.Label, await Keys.RingAsync(cancel), progress, cancel);
            return new CopyVerdict(copy.Repository, true, $"every frame of {bytes} stored bytes is as it was written");
        }
        catch (Exception e) when (e is DamagedBackupException or BackupKeyException || e is StoreException { Failure: StoreFailure.Missing })
        {
            return new CopyVerdict(copy.Repository, false, e.Message);
        }
        catch (StoreException e)
        {
            return new CopyVerdict(copy.Repository, null, e.Message);
        }
    }

    public async Task RestoreAsync(RestoreOrder order, BackupProgress progress, CancellationToken cancel)
    {
        if (!shell.Offers(order.Region, UnpackCommand)) throw new BackupEngineException($"The shell of {order.Region} declares no command {UnpackCommand}. Declare it under Fleet:Regions (docs/fleet.md).") { Final = true };
        var restorer = new StreamRestorer(repositories[order.Copy.Repository], await RingAsync(cancel));
        var restore = new StreamRestore(order.Cluster, order.Copy.Label, order.Target) { DataDirectory = order.Directory };
        await GuardedAsync(async () =>
        {
            var result = await hosts.FeedAsync(order.Region, UnpackCommand, new Dictionary<string, string> { ["directory"] = order.Directory }, async (input, stop) =>
            {
                await using var sink = new TarSink(input);
                await restorer.RestoreAsync(restore, sink, progress, stop);
            }, cancel);
            if (result.ExitCode != 0) throw new BackupEngineException($"{order.Region} could not unpack the backup into {order.Directory} ({result.ExitCode}): {(result.Error + result.Output).Trim()}");
        });
    }

    public async Task ExpireAsync(string cluster, IReadOnlyList<BackupCopy> copies, CancellationToken cancel)
    {
        foreach (var copies1 in copies.Where(c => c.Label.Length > 0).GroupBy(c => c.Repository))
        {
            var repository = new StreamRepository(repositories[copies1.Key]);
            await GuardedAsync(async () =>
            {
                foreach (var copy in copies1) await repository.DeleteAsync(cluster, copy.Label, cancel);
                await repository.TrimLogAsync(cluster, await Keys.RingAsync(cancel), cancel);
            });
        }
    }

    /// <summary>Known on the node that observes, which is the one that streams.</summary>
    public Task<ArchivedLog?> ArchivedAsync(string cluster, CancellationToken cancel) =>
        Task.FromResult(log.Of(cluster) is { Timeline: { } timeline, Stored: { } stored } ? new ArchivedLog(timeline, stored) : null);

    private static TakenBackup Taken(StreamedBackup backup, IReadOnlyList<TakenCopy> copies) =>
        new(BackupType.Full, backup.StartedAt, backup.EndedAt, backup.SizeBytes, null, backup.StopLsn, backup.Timeline, copies);

    protected override IEnumerable<IBackupShelf> Shelves(string cluster) => repositories.ForStreaming(fleet.Clusters[cluster]).Select(s => new StreamRepository(s));

    protected override async Task<(TakenBackup, long)> DescribeAsync(IBackupShelf shelf, string cluster, string label, KeyRing ring, CancellationToken cancel)
    {
        var backup = await new StreamRepository(shelf.Store).DescribeAsync(cluster, label, ring, cancel);
        return (Taken(backup, []), backup.StoredBytes);
    }
}
