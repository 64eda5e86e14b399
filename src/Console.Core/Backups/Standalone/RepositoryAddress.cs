using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Backups.Standalone;

/// <summary>A repository in one line, for a command.</summary>
public static class RepositoryAddress
{
    private const string Google = "https://storage.googleapis.com";

    /// <param name="environment">gives the store's keys</param>
    /// <exception cref="BackupUsageException">not such an address</exception>
    public static BackupRepositoryOptions Parse(string address, Func<string, string?> environment)
    {
        if (address.StartsWith('/') || address.StartsWith('.')) return new BackupRepositoryOptions { Id = "repository", Kind = RepositoryKind.File, Endpoint = Path.GetFullPath(address) };
        if (!Uri.TryCreate(address, UriKind.Absolute, out var uri) || uri.Host.Length == 0) throw new BackupUsageException($"\"{address}\" is no repository. Write /a/directory, s3://..., azure://... or gs://...");
        var query = Query(uri);
        var repository = new BackupRepositoryOptions
        {
            Id = "repository",
            Bucket = uri.Host,
            Prefix = uri.AbsolutePath.Trim('/'),
            AccessKey = environment("BACKUP_ACCESS_KEY") ?? "",
            SecretKey = environment("BACKUP_SECRET_KEY") ?? "",
            CaFile = query.GetValueOrDefault("ca", ""),
            Endpoint = query.GetValueOrDefault("endpoint", ""),
        };
        if (repository.Prefix.Length > 0 && !ObjectName.IsValid(repository.Prefix)) throw new BackupUsageException($"\"{repository.Prefix}\" is not a path inside a bucket.");
        repository.Kind = uri.Scheme switch
        {
            "s3" => RepositoryKind.S3,
            "azure" => RepositoryKind.AzureBlob,
            "gs" => RepositoryKind.GoogleCloudStorage,
            _ => throw new BackupUsageException($"{uri.Scheme}:// is no kind of repository; there are s3, azure and gs, and directories."),
        };
        if (repository.Kind == RepositoryKind.GoogleCloudStorage && repository.Endpoint.Length == 0) repository.Endpoint = Google;
        if (repository.Kind == RepositoryKind.S3 && repository.Endpoint.Length == 0) repository.Endpoint = $"https://s3.{(RegionOf(address) is { Length: > 0 } region ? region : "us-east-1")}.amazonaws.com";
        if (repository.Endpoint.Length == 0) throw new BackupUsageException("An azure:// repository needs ?endpoint=https://ACCOUNT.blob.core.windows.net.");
        return repository;
    }

    public static string RegionOf(string address) => Uri.TryCreate(address, UriKind.Absolute, out var uri) ? Query(uri).GetValueOrDefault("region", "") : "";

    private static Dictionary<string, string> Query(Uri uri) => uri.Query.TrimStart('?').Split('&', StringSplitOptions.RemoveEmptyEntries)
        .Select(p => p.Split('=', 2)).Where(p => p.Length == 2).ToDictionary(p => p[0], p => Uri.UnescapeDataString(p[1]));
}
