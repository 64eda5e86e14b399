using OpsConsole.Core.Backups.Format;
using OpsConsole.Core.Backups.Stores;

namespace OpsConsole.Core.Backups.Streaming;

/// <summary>The streamed backups in one repository.</summary>
public sealed class StreamRepository(IBackupStore store) : FolderShelf(store, "backups")
{
    /// <summary>Ids of the clusters that have anything here.</summary>
    public async Task<IReadOnlyList<string>> ClustersAsync(CancellationToken cancel) =>
        [.. (await Store.ListAsync("", cancel).Select(o => o.Name.Split('/')[0]).Where(c => c != "check").ToListAsync(cancel)).Distinct().Order(StringComparer.Ordinal)];

    /// <exception cref="StoreException">there is no such backup</exception>
    public async Task<StreamedBackup> DescribeAsync(string cluster, string label, KeyRing keys, CancellationToken cancel) =>
        StreamedBackup.FromJson(await SmallObject.ReadAsync(Store, keys, StreamNames.Backup(cluster, label), cancel));

    /// <summary>Reads every stored byte of a backup and holds it against its tags, and each object's length against the description.</summary>
    /// <returns>bytes read</returns>
    /// <exception cref="DamagedBackupException">anything is altered or missing</exception>
    public async Task<long> VerifyAsync(string cluster, string label, KeyRing keys, Func<long, long, Task> progress, CancellationToken cancel)
    {
        var backup = await DescribeAsync(cluster, label, keys, cancel);
        var total = 0L;
        foreach (var part in backup.Objects)
        {
            await using var frames = await OpenAsync(part.Name, keys, cancel);
            var plain = 0L;
            var buffer = new byte[1024 * 1024];
            int read;
            while ((read = await frames.ReadAsync(buffer, cancel)) > 0)
            {
                if (plain / 67_108_864 != (plain + read) / 67_108_864) await progress(total + plain, backup.StoredBytes);
                plain += read;
            }
            var expected = await Store.FindAsync(part.Name, cancel);
            if (expected?.Size != part.StoredBytes) throw new DamagedBackupException(part.Name, $"it has {expected?.Size} bytes, not {part.StoredBytes}");
            total += part.StoredBytes;
        }
        return total;
    }

    internal async Task<FrameStream> OpenAsync(string name, KeyRing keys, CancellationToken cancel)
    {
        try
        {
            return await FrameStream.OpenAsync(await Store.GetAsync(name, 0, null, cancel), keys, name, cancel);
        }
        catch (StoreException e) when (e.Failure == StoreFailure.Missing)
        {
            throw new DamagedBackupException(name, "it is missing");
        }
    }

    public override IReadOnlyList<string> Objects(string cluster, string label) => [StreamNames.Backup(cluster, label), StreamNames.Files(cluster, label), StreamNames.Base(cluster, label)];

    /// <summary>Deletes log from before the oldest backup. While there is none nothing is deleted: what is being taken now will need it.</summary>
    /// <returns>pieces deleted</returns>
    public async Task<int> TrimLogAsync(string cluster, KeyRing keys, CancellationToken cancel)
    {
        var labels = await LabelsAsync(cluster, cancel);
        if (labels.Count == 0) return 0;
        // Labels begin with their time; a backup that began later begins later in the log as well.
        var oldest = await DescribeAsync(cluster, labels[0], keys, cancel);
        var needed = Replication.WalPosition.Parse(oldest.StartLsn).Value / (ulong)oldest.SegmentBytes;
        var old = (await new WalRepository(Store).ListAsync(cluster, oldest.SegmentBytes, cancel)).Where(o => !o.IsHistory && o.Segment < needed && o.Timeline <= oldest.Timeline).ToList();
        foreach (var piece in old) await Store.DeleteAsync(piece.Name, cancel);
        return old.Count;
    }
}
