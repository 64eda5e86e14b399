using OpsConsole.Core.Backups.Format;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Backups.Stores;

/// <summary>The backups of one engine in one repository, found by the operation that made them.</summary>
public interface IBackupShelf
{
    IBackupStore Store { get; }

    /// <summary>The label of what an operation made; null when that is not complete.</summary>
    Task<string?> FindAsync(string cluster, Guid operation, CancellationToken cancel);

    /// <summary>Operations that have anything here, complete or not.</summary>
    Task<IReadOnlyList<Guid>> OperationsAsync(string cluster, CancellationToken cancel);

    /// <summary>Names of a backup's objects, its description first.</summary>
    IReadOnlyList<string> Objects(string cluster, string label);

    /// <summary>Removes whatever an operation has left.</summary>
    Task AbandonAsync(string cluster, Guid operation, CancellationToken cancel);
}

/// <summary>What the engines have in common that write into declared repositories themselves, under declared keys.</summary>
public abstract class StoringEngine(DeclaredKeys keys)
{
    private const string NotMade = "This copy was not made: the backup was interrupted. The next backup makes one there.";

    protected DeclaredKeys Keys => keys;

    protected abstract IEnumerable<IBackupShelf> Shelves(string cluster);

    /// <summary>A complete backup with its bytes here; its copies are filled in by the caller.</summary>
    protected abstract Task<(TakenBackup Backup, long StoredBytes)> DescribeAsync(IBackupShelf shelf, string cluster, string label, KeyRing ring, CancellationToken cancel);

    public async Task<TakenBackup?> FindAsync(string cluster, Guid operation, CancellationToken cancel)
    {
        TakenBackup? found = null;
        var copies = new List<TakenCopy>();
        foreach (var shelf in Shelves(cluster))
        {
            try
            {
                if (await shelf.FindAsync(cluster, operation, cancel) is not { } label)
                {
                    copies.Add(Copy(shelf.Store.Id, "", 0, NotMade));
                    continue;
                }
                (found, var stored) = await DescribeAsync(shelf, cluster, label, await RingAsync(cancel), cancel);
                copies.Add(new TakenCopy(shelf.Store.Id, label, stored));
            }
            catch (StoreException e)
            {
                copies.Add(Copy(shelf.Store.Id, "", 0, e.Message));
            }
        }
        return found is null ? null : found with { Copies = copies };
    }

    /// <summary>What an interrupted run of the operation has completed; what else it has left is removed. Null: nothing is complete.</summary>
    protected async Task<TakenBackup?> ResumeAsync(string cluster, Guid operation, CancellationToken cancel)
    {
        var found = await FindAsync(cluster, operation, cancel);
        foreach (var shelf in Shelves(cluster).Where(s => found is null || found.Copies.Any(c => c.Repository == s.Store.Id && c.Failure == NotMade)))
            await GuardedAsync(() => shelf.AbandonAsync(cluster, operation, cancel));
        return found;
    }

    /// <summary>One that failed has no label: there is nothing to check, to restore from or to delete.</summary>
    protected static TakenCopy Copy(string repository, string label, long storedBytes, string? failure) =>
        failure is null ? new TakenCopy(repository, label, storedBytes) : new TakenCopy(repository, "", 0, failure);

    public async Task AbandonAsync(string cluster, Guid operation, CancellationToken cancel)
    {
        foreach (var shelf in Shelves(cluster)) await GuardedAsync(() => shelf.AbandonAsync(cluster, operation, cancel));
    }

    public async Task<IReadOnlyList<Guid>> OperationsAsync(string cluster, CancellationToken cancel)
    {
        var operations = new HashSet<Guid>();
        foreach (var shelf in Shelves(cluster)) await GuardedAsync(async () => operations.UnionWith(await shelf.OperationsAsync(cluster, cancel)));
        return [.. operations];
    }

    public async Task HoldAsync(string cluster, IReadOnlyList<BackupCopy> copies, bool held, CancellationToken cancel)
    {
        foreach (var shelf in Shelves(cluster).Where(s => s.Store.Capabilities.LegalHold))
        {
            foreach (var name in copies.Where(c => c.Repository == shelf.Store.Id).SelectMany(c => shelf.Objects(cluster, c.Label)))
                await GuardedAsync(() => shelf.Store.HoldAsync(name, held, cancel));
        }
    }

    public Task<string?> KeyTroubleAsync(CancellationToken cancel) => keys.TroubleAsync(cancel);

    /// <summary>From the first node that gives it.</summary>
    /// <exception cref="BackupEngineException">none does, or trying another is pointless</exception>
    protected static async Task<TakenBackup> FirstAsync(string cluster, IEnumerable<ClusterNodeOptions> nodes, Func<ClusterNodeOptions, Task<TakenBackup>> take, BackupProgress progress)
    {
        BackupEngineException? last = null;
        foreach (var node in nodes)
        {
            try
            {
                return await take(node);
            }
            catch (BackupEngineException e) when (!e.Final)
            {
                // Another node holds the same data; no repository does better by that, but one may have recovered.
                last = e;
                await progress(null, e.Message);
            }
        }
        throw last ?? new BackupEngineException($"No node of {cluster} answers. The backup is taken when one does.");
    }

    protected async Task<KeyRing> RingAsync(CancellationToken cancel)
    {
        try
        {
            return await keys.RingAsync(cancel);
        }
        catch (BackupKeyException e)
        {
            throw new BackupEngineException(e.Message, e) { Final = true };
        }
    }

    /// <summary>What a check of one copy came to; a store or a key that cannot be had says nothing about the copy.</summary>
    protected static async Task<CopyVerdict> VerdictAsync(BackupCopy copy, Func<Task<CopyVerdict>> check)
    {
        if (copy.Label.Length == 0) return new CopyVerdict(copy.Repository, false, copy.Detail.Length > 0 ? copy.Detail : "this copy was never made");
        try
        {
            return await check();
        }
        catch (Exception e) when (e is DamagedBackupException or BackupKeyException || e is StoreException { Failure: StoreFailure.Missing })
        {
            return new CopyVerdict(copy.Repository, false, e.Message);
        }
        catch (Exception e) when (e is StoreException or BackupEngineException)
        {
            return new CopyVerdict(copy.Repository, null, e.Message);
        }
    }

    /// <summary>Failures of stores, keys and hosts as the engine's own.</summary>
    protected static async Task GuardedAsync(Func<Task> action)
    {
        try
        {
            await action();
        }
        catch (Exception e) when (e is DamagedBackupException or BackupKeyException)
        {
            throw new BackupEngineException(e.Message, e) { Final = true, Damaged = e is DamagedBackupException };
        }
        catch (Exception e) when (e is StoreException or HostShellException)
        {
            throw new BackupEngineException(e.Message, e);
        }
    }
}
