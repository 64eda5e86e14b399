using OpsConsole.Core.Backups.Format;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Backups.Streaming;

namespace OpsConsole.Core.Backups.Configurations;

/// <summary>The backups of clusters' configurations in one repository.</summary>
/// <remarks><code>
/// CLUSTER/configurations/LABEL/files.ocb    a tar archive: REGION/PATH/ON/THE/HOST, REGION/settings.json
/// CLUSTER/configurations/LABEL/backup.ocb   what the backup is; written last: without it there is none
/// </code></remarks>
public sealed class ConfigurationRepository(IBackupStore store) : FolderShelf(store, Folder)
{
    private const string Folder = "configurations";

    internal static string Files(string cluster, string label) => $"{cluster}/{Folder}/{label}/files{StreamNames.Suffix}";
    internal static string Backup(string cluster, string label) => $"{cluster}/{Folder}/{label}/backup{StreamNames.Suffix}";

    public override IReadOnlyList<string> Objects(string cluster, string label) => [Backup(cluster, label), Files(cluster, label)];

    /// <exception cref="StoreException">there is no such backup</exception>
    public async Task<ConfigurationBackup> DescribeAsync(string cluster, string label, KeyRing keys, CancellationToken cancel) =>
        ConfigurationBackup.FromJson(await SmallObject.ReadAsync(Store, keys, Backup(cluster, label), cancel));

    /// <summary>Every file of it, checked.</summary>
    /// <exception cref="DamagedBackupException">anything is altered or missing</exception>
    public async Task<IReadOnlyList<(string Name, byte[] Content)>> FilesAsync(ConfigurationBackup backup, KeyRing keys, CancellationToken cancel)
    {
        var name = Files(backup.Cluster, backup.Label);
        try
        {
            return ConfigurationArchive.Read(await SmallObject.ReadAsync(Store, keys, name, cancel), backup);
        }
        catch (StoreException e) when (e.Failure == StoreFailure.Missing)
        {
            throw new DamagedBackupException(name, "it is missing");
        }
    }
}
