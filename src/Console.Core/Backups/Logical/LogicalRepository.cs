using OpsConsole.Core.Backups.Format;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Backups.Streaming;

namespace OpsConsole.Core.Backups.Logical;

/// <summary>The dumps in one repository.</summary>
public sealed class LogicalRepository(IBackupStore store) : IBackupShelf
{
    private const int BufferBytes = 1024 * 1024;

    public IBackupStore Store => store;

    /// <summary>Labels of the complete dumps, oldest first. Needs no key.</summary>
    public async Task<IReadOnlyList<string>> LabelsAsync(string cluster, CancellationToken cancel) =>
        await store.ListAsync(LogicalNames.Dumps(cluster), cancel).Select(o => LogicalNames.LabelOf(o.Name)).Where(l => l is not null).Select(l => l!).ToListAsync(cancel);

    /// <exception cref="StoreException">there is no such dump</exception>
    public async Task<LogicalBackup> DescribeAsync(string cluster, string label, KeyRing keys, CancellationToken cancel) =>
        LogicalBackup.FromJson(await SmallObject.ReadAsync(store, keys, LogicalNames.Backup(cluster, label), cancel));

    /// <exception cref="DamagedBackupException">it is altered or missing</exception>
    public async Task<byte[]> RolesAsync(string cluster, string label, KeyRing keys, CancellationToken cancel)
    {
        var name = LogicalNames.Roles(cluster, label);
        try
        {
            return await SmallObject.ReadAsync(store, keys, name, cancel);
        }
        catch (StoreException e) when (e.Failure == StoreFailure.Missing)
        {
            throw new DamagedBackupException(name, "it is missing");
        }
    }

    /// <summary>The dump itself, checked, to its very end.</summary>
    /// <returns>bytes of it</returns>
    /// <exception cref="DamagedBackupException">it is altered, missing, or of another length than described</exception>
    public async Task<long> DatabaseAsync(LogicalBackup backup, KeyRing keys, Func<ReadOnlyMemory<byte>, long, ValueTask> sink, CancellationToken cancel)
    {
        var name = LogicalNames.Database(backup.Cluster, backup.Label);
        var described = backup.Objects.First(o => o.Name == name);
        await using var frames = await new StreamRepository(store).OpenAsync(name, keys, cancel);
        var buffer = new byte[BufferBytes];
        var total = 0L;
        int read;
        while ((read = await frames.ReadAtLeastAsync(buffer, BufferBytes, throwOnEndOfStream: false, cancel)) > 0)
        {
            total += read;
            if (total > described.PlainBytes) break;
            await sink(buffer.AsMemory(0, read), total);
        }
        return total == described.PlainBytes ? total : throw new DamagedBackupException(name, $"it does not hold the {described.PlainBytes} bytes that were dumped");
    }

    /// <summary>The label of what an operation made; null when that is not complete.</summary>
    public async Task<string?> FindAsync(string cluster, Guid operation, CancellationToken cancel) =>
        (await LabelsAsync(cluster, cancel)).FirstOrDefault(l => StreamNames.OperationOf(l) == operation);

    /// <summary>The description goes first: from then on there is no backup, only space that is being given back.</summary>
    public async Task DeleteAsync(string cluster, string label, CancellationToken cancel)
    {
        foreach (var name in Objects(cluster, label)) await store.DeleteAsync(name, cancel);
    }

    public IReadOnlyList<string> Objects(string cluster, string label) => [LogicalNames.Backup(cluster, label), LogicalNames.Roles(cluster, label), LogicalNames.Database(cluster, label)];

    /// <summary>Removes whatever an operation left, complete or not.</summary>
    public async Task AbandonAsync(string cluster, Guid operation, CancellationToken cancel)
    {
        foreach (var label in (await FoldersAsync(cluster, cancel)).Where(l => StreamNames.OperationOf(l) == operation)) await DeleteAsync(cluster, label, cancel);
    }

    /// <summary>Every operation that has left anything.</summary>
    public async Task<IReadOnlyList<Guid>> OperationsAsync(string cluster, CancellationToken cancel) =>
        [.. (await FoldersAsync(cluster, cancel)).Select(StreamNames.OperationOf).OfType<Guid>().Distinct()];

    private async Task<IReadOnlyList<string>> FoldersAsync(string cluster, CancellationToken cancel) =>
        [.. (await store.ListAsync(LogicalNames.Dumps(cluster), cancel).Select(o => LogicalNames.FolderLabelOf(o.Name)).ToListAsync(cancel)).OfType<string>().Distinct()];
}
