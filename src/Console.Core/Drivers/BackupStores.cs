using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Drivers.Azure;
using OpsConsole.Core.Drivers.Files;
using OpsConsole.Core.Drivers.Gcs;
using OpsConsole.Core.Drivers.S3;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Drivers;

/// <summary>The store that a declaration means.</summary>
public static class BackupStores
{
    /// <param name="cloudRegion">the provider's name of the region, for signatures</param>
    public static IBackupStore Open(BackupRepositoryOptions repository, string cloudRegion, TimeProvider time) => repository.Kind switch
    {
        RepositoryKind.S3 => new S3Store(repository, cloudRegion, time),
        RepositoryKind.AzureBlob => new AzureBlobStore(repository, time),
        RepositoryKind.GoogleCloudStorage => new GcsStore(repository, time),
        _ => new FileStore(repository.Id, repository.Endpoint),
    };
}
