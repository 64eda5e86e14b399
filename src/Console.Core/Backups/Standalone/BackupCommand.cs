using OpsConsole.Core.Backups.Configurations;
using OpsConsole.Core.Backups.Format;
using OpsConsole.Core.Backups.Logical;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Backups.Streaming;
using OpsConsole.Core.Drivers;
using OpsConsole.Core.Drivers.Files;

namespace OpsConsole.Core.Backups.Standalone;

/// <summary>The verb <c>backup</c> of the console's binary: what the console has stored itself, on a bare machine, with a repository and a key and nothing else.</summary>
public static class BackupCommand
{
    public const string Verb = "backup";
    private const int Wrong = 64; // EX_USAGE
    private const int Failed = 1;

    private const string Usage = """
        usage: backup list      --repository WHERE --key-file FILE [--cluster ID]
               backup verify    --repository WHERE --key-file FILE --cluster ID [--backup LABEL]
               backup restore   --repository WHERE --key-file FILE --cluster ID [--backup LABEL] --directory DIR [--target-time TIME | --target latest|backup] [--fetch COMMAND]
               backup wal-fetch --repository WHERE --key-file FILE --cluster ID FILE_NAME PATH
               backup extract   --repository WHERE --key-file FILE --cluster ID [--backup LABEL] --directory DIR
               backup configuration --repository WHERE --key-file FILE --cluster ID [--backup LABEL] --directory DIR
               backup new-key

        WHERE  /a/directory, s3://BUCKET/PREFIX?endpoint=https://HOST&region=R, azure://CONTAINER/PREFIX?endpoint=https://ACCOUNT.blob.core.windows.net, gs://BUCKET/PREFIX
               Keys of stores: BACKUP_ACCESS_KEY and BACKUP_SECRET_KEY, or the machine's own identity.
        FILE   a backup key a line (base64 or hexadecimal), in front of it its id where there are several
        LABEL  as listed; without it the newest
        TIME   ISO 8601, such as 2026-11-23T10:00:00Z; without a target: latest, all of the log that is stored
        """;

    public static async Task<int> RunAsync(IReadOnlyList<string> arguments, TextWriter output, TextWriter errors, TimeProvider time, CancellationToken cancel)
    {
        try
        {
            if (arguments is ["new-key"])
            {
                await output.WriteLineAsync(BackupKey.Generate("new").ToBase64());
                return 0;
            }
            var given = BackupArguments.Parse(arguments);
            using var store = BackupStores.Open(RepositoryAddress.Parse(given.Required("repository"), Environment.GetEnvironmentVariable), RepositoryAddress.RegionOf(given.Required("repository")), time);
            var keys = KeyRing.FromFile(given.Required("key-file"));
            return given.Action switch
            {
                "list" => await ListAsync(given, store, keys, output, cancel),
                "verify" => await VerifyAsync(given, store, keys, output, cancel),
                "restore" => await RestoreAsync(given, store, keys, output, cancel),
                "extract" => await ExtractAsync(given, store, keys, output, cancel),
                "configuration" => await ConfigurationAsync(given, store, keys, output, cancel),
                "wal-fetch" => await FetchAsync(given, store, keys, cancel),
                _ => throw new BackupUsageException($"There is no action {given.Action}."),
            };
        }
        catch (BackupUsageException e)
        {
            await errors.WriteLineAsync($"{e.Message}\n\n{Usage}");
            return Wrong;
        }
        catch (Exception e) when (e is BackupKeyException or DamagedBackupException or StoreException or BackupEngineException)
        {
            await errors.WriteLineAsync(e.Message);
            return Failed;
        }
    }

    private static async Task<int> ListAsync(BackupArguments given, IBackupStore store, KeyRing keys, TextWriter output, CancellationToken cancel)
    {
        var repository = new StreamRepository(store);
        foreach (var cluster in given.Optional("cluster") is { } one ? [one] : await repository.ClustersAsync(cancel))
        {
            foreach (var label in await repository.LabelsAsync(cluster, cancel))
            {
                var backup = await repository.DescribeAsync(cluster, label, keys, cancel);
                await output.WriteLineAsync($"{cluster} {label} ended {backup.EndedAt:u} timeline {backup.Timeline} size {backup.SizeBytes} stored {backup.StoredBytes} key {backup.KeyId}");
            }
            foreach (var label in await new LogicalRepository(store).LabelsAsync(cluster, cancel))
            {
                var dump = await new LogicalRepository(store).DescribeAsync(cluster, label, keys, cancel);
                await output.WriteLineAsync($"{cluster} {label} dump of {dump.Database} of {dump.StartedAt:u} by PostgreSQL {dump.ServerVersion}, first superuser {dump.Owner}, stored {dump.StoredBytes} key {dump.KeyId}");
            }
            foreach (var label in await new ConfigurationRepository(store).LabelsAsync(cluster, cancel))
            {
                var configuration = await new ConfigurationRepository(store).DescribeAsync(cluster, label, keys, cancel);
                await output.WriteLineAsync($"{cluster} {label} configuration of {string.Join(", ", configuration.Nodes.Select(n => n.Region))} of {configuration.StartedAt:u}, stored {configuration.StoredBytes} key {configuration.KeyId}");
            }
            var log = WalRepository.Newest((await new WalRepository(store).ListAsync(cluster, 16 * 1024 * 1024, cancel)).Where(o => !o.IsHistory));
            if (log.Count > 0) await output.WriteLineAsync($"{cluster} log from {log[0].FileName} to {log[^1].FileName}{(log[^1].UpTo is { } upTo ? $" up to {upTo}" : "")}, stored {log[^1].WrittenAt:u}");
        }
        return 0;
    }

    private static async Task<int> VerifyAsync(BackupArguments given, IBackupStore store, KeyRing keys, TextWriter output, CancellationToken cancel)
    {
        var (cluster, label) = await LabelAsync(given, store, cancel);
        var bytes = await new StreamRepository(store).VerifyAsync(cluster, label, keys, (_, _) => Task.CompletedTask, cancel);
        await output.WriteLineAsync($"{cluster} {label}: {bytes} bytes are as they were written");
        return 0;
    }

    private static async Task<int> RestoreAsync(BackupArguments given, IBackupStore store, KeyRing keys, TextWriter output, CancellationToken cancel)
    {
        var (cluster, label) = await LabelAsync(given, store, cancel);
        var directory = Path.GetFullPath(given.Required("directory"));
        var told = -10.0;
        await using var sink = DirectorySink.Make(directory);
        var restored = await new StreamRestorer(store, keys).RestoreAsync(
            new StreamRestore(cluster, label, given.Target()) { DataDirectory = directory, FetchCommand = given.Optional("fetch") ?? "" }, sink,
            async (percent, text) =>
            {
                if (percent is not { } now || now - told < 10) return;
                told = now;
                await output.WriteLineAsync($"{now,3:0} % {text}");
            }, cancel);
        await output.WriteLineAsync($"{label} is restored into {directory}: {restored.Files} files checked, {restored.Segments} files of the log. Start the server on it; it recovers and then takes writes.");
        return 0;
    }

    /// <summary>A logical backup as files for psql and pg_restore.</summary>
    private static async Task<int> ExtractAsync(BackupArguments given, IBackupStore store, KeyRing keys, TextWriter output, CancellationToken cancel)
    {
        var (cluster, repository) = (given.Required("cluster"), new LogicalRepository(store));
        var label = await NewestAsync(given, repository, "dump", cancel);
        var directory = OwnDirectory(given);
        var backup = await repository.DescribeAsync(cluster, label, keys, cancel);
        await File.WriteAllBytesAsync(Path.Combine(directory, "roles.sql"), await repository.RolesAsync(cluster, label, keys, cancel), cancel);
        var path = Path.Combine(directory, "database.dump");
        long bytes;
        await using (var file = File.Create(path + ".part")) bytes = await repository.DatabaseAsync(backup, keys, (part, _) => file.WriteAsync(part, cancel), cancel);
        File.Move(path + ".part", path, overwrite: true);
        await output.WriteLineAsync($"{label}: {bytes} bytes of {backup.Database} checked and written to {path}. Make a server with initdb -U {backup.Owner}, run roles.sql by psql, then pg_restore --create.");
        return 0;
    }

    /// <summary>How the nodes were configured, as files.</summary>
    private static async Task<int> ConfigurationAsync(BackupArguments given, IBackupStore store, KeyRing keys, TextWriter output, CancellationToken cancel)
    {
        var repository = new ConfigurationRepository(store);
        var label = await NewestAsync(given, repository, "backup of the configuration", cancel);
        var backup = await repository.DescribeAsync(given.Required("cluster"), label, keys, cancel);
        var files = await repository.FilesAsync(backup, keys, cancel);
        var directory = OwnDirectory(given);
        await ConfigurationArchive.ExtractAsync(files, directory, cancel);
        await output.WriteLineAsync($"{label}: {files.Count} files of {string.Join(", ", backup.Nodes.Select(n => n.Region))} checked and written under {directory}.");
        foreach (var (region, why) in backup.Unread.OrderBy(u => u.Key, StringComparer.Ordinal)) await output.WriteLineAsync($"Not in it: {region}. {why}");
        return 0;
    }

    private static async Task<string> NewestAsync(BackupArguments given, FolderShelf shelf, string what, CancellationToken cancel)
    {
        if (given.Optional("backup") is { } named) return named;
        var labels = await shelf.LabelsAsync(given.Required("cluster"), cancel);
        return labels.Count > 0 ? labels[^1] : throw new BackupEngineException($"{shelf.Store.Location} holds no complete {what} of {given.Required("cluster")}.");
    }

    /// <summary>Made when it is not there; nobody else may look into it.</summary>
    private static string OwnDirectory(BackupArguments given)
    {
        var directory = Path.GetFullPath(given.Required("directory"));
        Directory.CreateDirectory(directory);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(directory, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return directory;
    }

    /// <summary>PostgreSQL's restore_command: 1 says that the file is not stored.</summary>
    private static async Task<int> FetchAsync(BackupArguments given, IBackupStore store, KeyRing keys, CancellationToken cancel)
    {
        if (given.Rest is not [var fileName, var path]) throw new BackupUsageException("wal-fetch wants the file's name (%f) and where to put it (%p).");
        if (await new WalRepository(store).FetchAsync(given.Required("cluster"), fileName, given.SegmentBytes(), keys, cancel) is not { } content) return Failed;
        await File.WriteAllBytesAsync(path + ".part", content, cancel);
        File.Move(path + ".part", path, overwrite: true);
        return 0;
    }

    private static async Task<(string Cluster, string Label)> LabelAsync(BackupArguments given, IBackupStore store, CancellationToken cancel)
    {
        var cluster = given.Required("cluster");
        if (given.Optional("backup") is { } label) return (cluster, label);
        var target = given.Target();
        // The newest that ended before the moment; its label says when it began.
        var labels = (await new StreamRepository(store).LabelsAsync(cluster, cancel)).Where(l => target.Time is not { } time || string.CompareOrdinal(l, StreamNames.Label(time, Guid.Empty)) < 0).ToList();
        return (cluster, labels.Count > 0 ? labels[^1] : throw new BackupEngineException($"{store.Location} holds no complete backup of {cluster}{(target.Time is { } at ? $" from before {at:u}" : "")}."));
    }
}
