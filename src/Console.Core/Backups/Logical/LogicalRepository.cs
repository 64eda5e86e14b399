using OpsConsole.Core.Backups.Format;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Backups.Streaming;

namespace OpsConsole.Core.Backups.Logical;

/// <summary>The dumps in one repository.</summary>
public sealed class LogicalRepository(IBackupStore store) : FolderShelf(store, "dumps")
{
    private const int BufferBytes = 1024 * 1024;

    /// <exception cref="StoreException">there is no such dump</exception>
    public async Task<LogicalBackup> DescribeAsync(string cluster, string label, KeyRing keys, CancellationToken cancel) =>
        LogicalBackup.FromJson(await SmallObject.ReadAsync(Store, keys, LogicalNames.Backup(cluster, label), cancel));

    /// <exception cref="DamagedBackupException">it is altered or missing</exception>
    public async Task<byte[]> RolesAsync(string cluster, string label, KeyRing keys, CancellationToken cancel)
    {
        var name = LogicalNames.Roles(cluster, label);
        try
        {
            return await SmallObject.ReadAsync(Store, keys, name, cancel);
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
        await using var frames = await new StreamRepository(Store).OpenAsync(name, keys, cancel);
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

    public override IReadOnlyList<string> Objects(string cluster, string label) => [LogicalNames.Backup(cluster, label), LogicalNames.Roles(cluster, label), LogicalNames.Database(cluster, label)];
}
