using OpsConsole.Core.Backups.Format;
using OpsConsole.Core.Backups.Streaming;

namespace OpsConsole.Core.Backups.Stores;

/// <summary>The copies of one backup while they are made: which repositories still take part, and why the others do not.</summary>
internal sealed class CopyWriter(BackupKey key, IReadOnlyList<IBackupStore> stores, FanOutLimits limits, TimeProvider time)
{
    private readonly IReadOnlyList<IBackupStore> _all = stores;
    private readonly Dictionary<string, string> _failures = [];

    /// <summary>What was written so far is whole there.</summary>
    public IReadOnlyList<IBackupStore> Kept { get; private set; } = stores;

    /// <summary>Repository to why it has no copy.</summary>
    public IReadOnlyDictionary<string, string> Failures => _failures;

    /// <exception cref="BackupEngineException">no repository took it</exception>
    public async Task<StreamedObject> PutAsync(string name, ReadOnlyMemory<byte> content, CancellationToken cancel)
    {
        await using var fan = new FanOut(Kept, name, PutOptions.New, limits, time);
        var (stored, outcomes) = await SmallObject.WriteAsync(key, name, content, fan, cancel);
        Note(outcomes);
        return stored;
    }

    public void Note(IReadOnlyList<CopyOutcome> outcomes)
    {
        foreach (var outcome in outcomes.Where(o => o.Failure is not null)) _failures[outcome.Store.Id] = outcome.Failure!.Message;
        Kept = [.. outcomes.Where(o => o.Failure is null).Select(o => o.Store)];
    }

    /// <summary>Removes what is left without a description; a store that cannot be asked now is cleared by <see cref="IBackupShelf.AbandonAsync"/> later.</summary>
    public async Task TakeBackAsync(Func<IBackupStore, FolderShelf> shelf, string cluster, string label)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20), time);
        foreach (var store in _all)
        {
            try
            {
                await shelf(store).DeleteAsync(cluster, label, patience.Token);
            }
            catch (Exception e) when (e is StoreException or OperationCanceledException)
            {
                continue;
            }
        }
    }
}
