namespace OpsConsole.Core.Fleet.Configuration;

/// <summary>Backup repositories and keys.</summary>
internal static class BackupRules
{
    private const int KeyBytes = 32;

    public static void Check(FleetOptions fleet, Mistakes mistakes)
    {
        mistakes.Unique(fleet.BackupRepositories, nameof(BackupRepositoryOptions.Id), r => r.Id, "the id");
        mistakes.Unique(fleet.BackupKeys, nameof(BackupKeyOptions.Id), k => k.Id, "the id");
        var regions = fleet.Regions.Select(r => r.Id).ToList();
        foreach (var repository in fleet.BackupRepositories)
        {
            mistakes.Refers(repository, nameof(repository.Region), repository.Region, regions, "region");
            if (mistakes.IsGiven(repository, nameof(repository.Kind)))
                Check(repository, mistakes);
            CheckTransfers(repository, fleet, mistakes);
        }
        foreach (var key in fleet.BackupKeys)
            Check(key, mistakes);
        if (fleet.BackupKeys.Count == 0 && fleet.BackupRepositories.Find(r => r.Streaming) is { } streamed)
            mistakes.Add(streamed, nameof(streamed.Streaming), "WAL would be streamed here, but there is no key to encrypt it under", "Add BackupKeys with an Id and a Key_FILE (make it with `openssl rand -base64 32`).");
    }

    private static void Check(BackupRepositoryOptions repository, Mistakes mistakes)
    {
        if (repository.RetainDays > 0 && !repository.ObjectLock)
            mistakes.Add(repository, nameof(repository.RetainDays), "nothing can be retained without object lock", "Set ObjectLock where the bucket was made with it, or take RetainDays out.");
        if (repository.Prefix.Length > 0 && !Backups.Stores.ObjectName.IsValid(repository.Prefix))
            mistakes.Add(repository, nameof(repository.Prefix), $"\"{repository.Prefix}\" is not a path inside a bucket", "Use letters, digits, dashes and single slashes, such as production/orders.");
        if (repository.Kind == RepositoryKind.File)
        {
            CheckDirectory(repository, mistakes);
            return;
        }
        if (repository.Endpoint.Length > 0 && new SettingUrlAttribute("http", "https").Check(repository.Endpoint) is { } wrong)
            mistakes.Add(repository, nameof(repository.Endpoint), wrong.Problem, wrong.Remedy);
        if (repository.Bucket.Length == 0)
            mistakes.Add(repository, nameof(repository.Bucket), "is missing", "Add the name of the bucket or container.");
        if (repository.Kind != RepositoryKind.GoogleCloudStorage && repository.AccessKey.Length == 0 != (repository.SecretKey.Length == 0))
            mistakes.Add(repository, repository.AccessKey.Length == 0 ? nameof(repository.AccessKey) : nameof(repository.SecretKey), "is missing while the other half of the key is given", "Give both (each may be a _FILE), or neither to use the machine's own identity.");
    }

    private static void CheckDirectory(BackupRepositoryOptions repository, Mistakes mistakes)
    {
        if (repository.Endpoint.Length > 0 && !Path.IsPathRooted(repository.Endpoint))
            mistakes.Add(repository, nameof(repository.Endpoint), $"\"{repository.Endpoint}\" is not an absolute path", "Write the path of a directory beginning with /.");
        if (repository.ObjectLock)
            mistakes.Add(repository, nameof(repository.ObjectLock), "a directory cannot lock objects", "Use a store that can, or take ObjectLock out.");
    }

    private static void CheckTransfers(BackupRepositoryOptions repository, FleetOptions fleet, Mistakes mistakes)
    {
        foreach (var (cluster, basis) in repository.TransferBasis)
        {
            mistakes.Refers(repository, $"{nameof(repository.TransferBasis)}:{cluster}", cluster, fleet.Clusters.Select(c => c.Id), "cluster");
            if (string.IsNullOrWhiteSpace(basis))
                mistakes.Add(repository, $"{nameof(repository.TransferBasis)}:{cluster}", "names no basis", "Write on which basis the data may be transferred, such as the contract clauses and their date.");
        }
        foreach (var cluster in fleet.Clusters.Where(c => repository.Streaming && !Backups.Stores.RepositoryZones.MayHold(repository, c)))
            mistakes.Add(repository, nameof(repository.Streaming), $"the data of {cluster.Id} is bound to {string.Join(", ", cluster.ComplianceZones)}, and this repository shares none of these zones", $"Stream it elsewhere, or record the basis under TransferBasis:{cluster.Id}.");
    }

    private static void Check(BackupKeyOptions key, Mistakes mistakes)
    {
        if (key.Key.Length == 0 == (key.WrappedKey.Length == 0))
            mistakes.Add(key, nameof(key.Key), "exactly one of Key and WrappedKey is needed", "Give Key_FILE with 32 random bytes in base64 (`openssl rand -base64 32`), or WrappedKey as KMS encrypted it.");
        else if (key.Key.Length > 0 && SecretReferences.SchemeOf(key.Key) is null && !IsKey(key.Key.Trim()))
            mistakes.Add(key, nameof(key.Key), "is not 32 bytes in base64 or hexadecimal digits", "Make one with `openssl rand -base64 32`.");
        else if (key.WrappedKey.Length > 0 && key.KmsRegion.Length == 0)
            mistakes.Add(key, nameof(key.KmsRegion), "is missing", "Add the region of the KMS key that wrapped it.");
    }

    private static bool IsKey(string text) =>
        (text.Length == 2 * KeyBytes && text.All(char.IsAsciiHexDigit)) || (Convert.TryFromBase64String(text, new byte[64], out var written) && written == KeyBytes);
}
