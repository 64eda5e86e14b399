using OpsConsole.Core.Backups.Streaming;

namespace OpsConsole.Core.Backups.Stores;

/// <summary>Backups of one kind in a repository: <c>CLUSTER/FOLDER/LABEL/OBJECT.ocb</c>. The description <c>backup.ocb</c> is written last and deleted first: without it there is no backup, only space
/// that is being given back.</summary>
public abstract class FolderShelf(IBackupStore store, string folder) : IBackupShelf
{
    private const string Description = "backup" + StreamNames.Suffix;

    public IBackupStore Store => store;

    public abstract IReadOnlyList<string> Objects(string cluster, string label);

    /// <summary>Labels of the complete backups, oldest first. Needs no key.</summary>
    public async Task<IReadOnlyList<string>> LabelsAsync(string cluster, CancellationToken cancel) => [.. (await NamesAsync(cluster, cancel)).Where(n => n.Object == Description).Select(n => n.Label)];

    public async Task<string?> FindAsync(string cluster, Guid operation, CancellationToken cancel) =>
        (await LabelsAsync(cluster, cancel)).FirstOrDefault(l => StreamNames.OperationOf(l) == operation);

    public async Task DeleteAsync(string cluster, string label, CancellationToken cancel)
    {
        foreach (var name in Objects(cluster, label)) await store.DeleteAsync(name, cancel);
    }

    public async Task AbandonAsync(string cluster, Guid operation, CancellationToken cancel)
    {
        foreach (var label in (await FoldersAsync(cluster, cancel)).Where(l => StreamNames.OperationOf(l) == operation)) await DeleteAsync(cluster, label, cancel);
    }

    public async Task<IReadOnlyList<Guid>> OperationsAsync(string cluster, CancellationToken cancel) =>
        [.. (await FoldersAsync(cluster, cancel)).Select(StreamNames.OperationOf).OfType<Guid>().Distinct()];

    private async Task<IReadOnlyList<string>> FoldersAsync(string cluster, CancellationToken cancel) => [.. (await NamesAsync(cluster, cancel)).Select(n => n.Label).Distinct()];

    private async Task<List<(string Label, string Object)>> NamesAsync(string cluster, CancellationToken cancel)
    {
        var names = new List<(string, string)>();
        await foreach (var item in store.ListAsync($"{cluster}/{folder}/", cancel))
            if (item.Name.Split('/') is [_, _, var label, var name]) names.Add((label, name));
        return names;
    }
}
