using System.Collections.Frozen;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Backups.Stores;

/// <summary>Every declared repository with its store. Lives as long as the process.</summary>
public sealed class Repositories : IDisposable
{
    private readonly FleetModel _fleet;
    private readonly FrozenDictionary<string, IBackupStore> _stores;

    public Repositories(FleetModel fleet, Func<BackupRepositoryOptions, string, IBackupStore> open)
    {
        _fleet = fleet;
        _stores = fleet.Options.BackupRepositories.ToFrozenDictionary(r => r.Id, r => open(r, fleet.Regions[r.Region].CloudRegion));
    }

    public IReadOnlyCollection<string> Ids => _stores.Keys;

    /// <exception cref="ArgumentException">no such repository is declared</exception>
    public IBackupStore this[string id] => _stores.TryGetValue(id, out var store) ? store : throw new ArgumentException($"There is no backup repository {id}; declared: {string.Join(", ", _stores.Keys.Order(StringComparer.Ordinal))}.", nameof(id));

    public BackupRepositoryOptions Declaration(string id) => _fleet.Options.BackupRepositories.First(r => r.Id == id);

    /// <summary>Where the cluster is streamed to.</summary>
    public IReadOnlyList<IBackupStore> ForStreaming(ClusterOptions cluster) =>
        [.. _fleet.Options.BackupRepositories.Where(r => r.Streaming && RepositoryZones.MayHold(r, cluster)).Select(r => _stores[r.Id])];

    public void Dispose()
    {
        foreach (var store in _stores.Values) store.Dispose();
    }
}
