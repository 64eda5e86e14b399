using OpsConsole.Core.Backups.Format;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Backups.Streaming;
using OpsConsole.Core.Drivers.Postgres;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Backups.Configurations;

/// <summary>Backups of how a cluster is configured (BA-1): the files of every node, as the server itself reads them, and its settings. On many hosts they lie outside the data directory, so that no other
/// backup holds them.</summary>
public sealed class ConfigurationEngine(FleetModel fleet, BackupsOptions options, Repositories repositories, DeclaredKeys keys, TimeProvider time) : StoringEngine(keys), IBackupEngine
{
    public string Id => BackupEngines.Configuration;

    public EngineCapabilities Capabilities { get; } = new(Full: false, Incremental: false, Logical: false, PointInTime: false, Configuration: true);

    public IReadOnlyList<string> Repositories(string cluster) => Keys.Any && options.Configuration.Find(u => u.Cluster == cluster) is { } use ? use.Repositories : [];

    public async Task<TakenBackup> TakeAsync(TakeOrder order, BackupProgress progress, CancellationToken cancel)
    {
        if (await ResumeAsync(order.Cluster, order.Operation, cancel) is { } done) return done;
        var (cluster, ring, started) = (fleet.Clusters[order.Cluster], await RingAsync(cancel), time.GetUtcNow());
        var (nodes, unread) = await ReadAsync(cluster, progress, cancel);
        var (label, stores) = (StreamNames.Label(started, order.Operation), Shelves(order.Cluster).Select(r => r.Store).ToList());
        var copies = new CopyWriter(ring.Current, stores, FanOutLimits.Usual, time);
        try
        {
            var files = await copies.PutAsync(ConfigurationRepository.Files(cluster.Id, label), ConfigurationArchive.Make(nodes, started), cancel);
            var backup = new ConfigurationBackup(ConfigurationBackup.CurrentFormat, label, cluster.Id, order.Operation, started, time.GetUtcNow(),
                [.. nodes.Select(n => new ConfiguredNode(n.Region, n.Node.ServerVersion, n.Node.Files.Count))], unread, ring.Current.Id, [files]);
            await copies.PutAsync(ConfigurationRepository.Backup(cluster.Id, label), backup.ToJson(), cancel);
            return Taken(backup, [.. stores.Select(s => Copy(s.Id, label, backup.StoredBytes, copies.Failures.GetValueOrDefault(s.Id)))]);
        }
        catch
        {
            await copies.TakeBackAsync(s => new ConfigurationRepository(s), cluster.Id, label);
            throw;
        }
    }

    /// <summary>Each node has its own files; one that does not answer does not keep the others'.</summary>
    private static async Task<(IReadOnlyList<(string Region, NodeConfiguration Node)> Nodes, IReadOnlyDictionary<string, string> Unread)> ReadAsync(ClusterOptions cluster, BackupProgress progress, CancellationToken cancel)
    {
        var nodes = new List<(string, NodeConfiguration)>();
        var unread = new Dictionary<string, string>();
        BackupEngineException? last = null;
        foreach (var node in cluster.Nodes)
        {
            try
            {
                nodes.Add((node.Region, await ConfigurationFiles.ReadAsync(cluster, node, cancel)));
            }
            catch (BackupEngineException e) when (!e.Final)
            {
                unread[node.Region] = (last = e).Message;
                await progress(null, e.Message);
            }
        }
        return nodes.Count > 0 ? (nodes, unread) : throw last ?? new BackupEngineException($"{cluster.Id} has no nodes.") { Final = true };
    }

    public async Task<IReadOnlyList<CopyVerdict>> VerifyAsync(string cluster, IReadOnlyList<BackupCopy> copies, BackupProgress progress, CancellationToken cancel) =>
        [.. await Task.WhenAll(copies.Select(copy => VerdictAsync(copy, () => CheckAsync(cluster, copy, cancel))))];

    private async Task<CopyVerdict> CheckAsync(string cluster, BackupCopy copy, CancellationToken cancel)
    {
        var (repository, ring) = (new ConfigurationRepository(repositories[copy.Repository]), await Keys.RingAsync(cancel));
        var backup = await repository.DescribeAsync(cluster, copy.Label, ring, cancel);
        var files = await repository.FilesAsync(backup, ring, cancel);
        return new CopyVerdict(copy.Repository, true, $"{files.Count} files of {string.Join(", ", backup.Nodes.Select(n => n.Region))} are as they were written"
            + (backup.Unread.Count > 0 ? $"; not in it: {string.Join(", ", backup.Unread.Keys.Order(StringComparer.Ordinal))}" : ""));
    }

    public Task RestoreAsync(RestoreOrder order, BackupProgress progress, CancellationToken cancel) =>
        throw new BackupEngineException("A backup of the configuration holds no data: no instance comes of it. Its files are got by the console's verb (docs/restore-without-the-console.md).") { Final = true };

    public async Task ExpireAsync(string cluster, IReadOnlyList<BackupCopy> copies, CancellationToken cancel)
    {
        foreach (var copy in copies.Where(c => c.Label.Length > 0)) await GuardedAsync(() => new ConfigurationRepository(repositories[copy.Repository]).DeleteAsync(cluster, copy.Label, cancel));
    }

    public Task<ArchivedLog?> ArchivedAsync(string cluster, CancellationToken cancel) => Task.FromResult<ArchivedLog?>(null);

    private static TakenBackup Taken(ConfigurationBackup backup, IReadOnlyList<TakenCopy> copies) => new(BackupType.Configuration, backup.StartedAt, backup.EndedAt, backup.PlainBytes, null, null, null, copies);

    protected override IEnumerable<IBackupShelf> Shelves(string cluster) => Repositories(cluster).Select(id => new ConfigurationRepository(repositories[id]));

    protected override async Task<(TakenBackup, long)> DescribeAsync(IBackupShelf shelf, string cluster, string label, KeyRing ring, CancellationToken cancel)
    {
        var backup = await ((ConfigurationRepository)shelf).DescribeAsync(cluster, label, ring, cancel);
        return (Taken(backup, []), backup.StoredBytes);
    }
}
