using OpsConsole.Sandbox.Hosts;
using OpsConsole.Sandbox.Layout;
using OpsConsole.Sandbox.Postgres;
using OpsConsole.Sandbox.Processes;
using OpsConsole.Sandbox.Storage;

namespace OpsConsole.Sandbox.Backups;

/// <summary>pgBackRest on every region's host: two encrypted repositories in the S3-compatible stores of two regions (the database's zone), each reached
/// over TLS through the region's own ways. The log is brought away asynchronously, and given up rather than filling the disk.</summary>
public sealed class PgBackRestHosts(Supervisor supervisor, SandboxPaths paths, PortPlan ports, SecretStore secrets)
{
    public const string Stanza = "orders";

    private const int LockIsTaken = 50;
    private const int MostTries = 120;
    private static readonly TimeSpan Breath = TimeSpan.FromSeconds(0.5);

    /// <summary>pgBackRest's number of a repository to the region it lies in.</summary>
    public static IReadOnlyDictionary<int, string> Repositories { get; } = new Dictionary<int, string> { [1] = "us-east-1", [2] = "us-west-2" };

    /// <summary>pgBackRest with everything that it needs to know on this host.</summary>
    public static string Program(SandboxPaths paths, string region) => Path.Combine(paths.Site(region), "pgbackrest.sh");

    /// <summary>As <see cref="Program"/>, knowing the other nodes too, so that a standby's files are read instead of the primary's.</summary>
    public static string ProgramOfAll(SandboxPaths paths, string region) => Path.Combine(paths.Site(region), "pgbackrest-all.sh");

    /// <summary>Settings of <see cref="Program"/>. A repository whose lines are comments is left out.</summary>
    public static string Settings(SandboxPaths paths, string region) => Path.Combine(paths.Site(region), "pgbackrest.conf");

    /// <summary>Settings of <see cref="ProgramOfAll"/>.</summary>
    public static string SettingsOfAll(SandboxPaths paths, string region) => Path.Combine(paths.Site(region), "pgbackrest-all.conf");

    /// <summary>Ends the archiver while the node is being stopped: a code above 128 makes it quit instead of trying again.</summary>
    public static string ArchiveCommand(SandboxPaths paths, string region) =>
        $"[ ! -e {paths.ArchiveHold(region)} ] || exit 255; {Program(paths, region)} --stanza={Stanza} archive-push %p";

    public void Configure()
    {
        var user = supervisor.User;
        foreach (var region in Sites.Regions.Select(r => r.Id))
        {
            foreach (var folder in new[] { "log", "lock", "spool" })
            {
                user.MakeDirectory(Folder(region, folder));
            }
            user.MakeDirectory(paths.Restored(region));
            File.Delete(paths.ArchiveHold(region));
            user.Write(Settings(paths, region), Global(region) + Node(region, 1, null));
            WriteProgram(Program(paths, region), region, Settings(paths, region));

            var others = Sites.Regions.Where(r => r.Id != region).Select((r, i) => Node(r.Id, i + 2, region));
            user.Write(SettingsOfAll(paths, region), Global(region) + "backup-standby=y\n" + $"cmd-ssh={PeerKeys.Program(paths, region)}\n" + Node(region, 1, null) + string.Concat(others));
            WriteProgram(ProgramOfAll(paths, region), region, SettingsOfAll(paths, region));
        }
    }

    /// <summary>Makes the repositories known for this database; changes nothing when they are.</summary>
    public async Task CreateStanzaAsync(string primary, CancellationToken cancel)
    {
        var made = await TryAsync();
        for (var tries = 1; made.ExitCode == LockIsTaken && tries < MostTries; tries++)
        {
            await Task.Delay(Breath, cancel); // the archiver of a primary that has just started holds it, and fails until the stanza is there
            made = await TryAsync();
        }
        if (made.ExitCode != 0)
        {
            throw new SandboxException($"pgBackRest could not prepare its repositories: {(made.Error + made.Output).Trim()}");
        }

        Task<CommandResult> TryAsync() => supervisor.RunAsync([Program(paths, primary), $"--stanza={Stanza}", "--log-level-console=warn", "stanza-create"], null, cancel);
    }

    private string Global(string region) => $"""
        [global]
        {string.Concat(Repositories.Select(r => Repository(region, r.Key, r.Value)))}
        log-path={Folder(region, "log")}
        lock-path={Folder(region, "lock")}
        spool-path={Folder(region, "spool")}
        log-level-console=off
        log-level-stderr=warn
        log-level-file=warn
        log-timestamp=n
        archive-async=y
        archive-push-queue-max=512MiB
        archive-timeout=60
        io-timeout=20
        compress-type=zst
        compress-level=1
        start-fast=y
        expire-auto=n

        """;

    private string Repository(string from, int number, string region)
    {
        var port = from == region ? ports.SecureStorage(region) : ports.Via(from, region, Services.SecureStorage);
        return $"""
            repo{number}-type=s3
            repo{number}-path=/pgbackrest
            repo{number}-s3-bucket={S3Api.BackupBucket}
            repo{number}-s3-endpoint=localhost
            repo{number}-s3-region={region}
            repo{number}-s3-uri-style=path
            repo{number}-s3-key={S3Api.AccessKey}
            repo{number}-s3-key-secret={secrets.Get("storage")}
            repo{number}-storage-port={port}
            repo{number}-storage-ca-file={StoreCertificate.AuthorityFile(paths)}
            repo{number}-cipher-type=aes-256-cbc
            repo{number}-cipher-pass={secrets.Get($"pgbackrest-{number}")}
            repo{number}-bundle=y
            repo{number}-retention-full=9999999

            """;
    }

    // As a section for the first node, and for the others as they are reached from a region.
    private string Node(string region, int number, string? from) => (number == 1 ? $"[{Stanza}]\n" : "") + $"""
        pg{number}-path={paths.PostgresData(region)}
        pg{number}-port={ports.Postgres(region)}
        pg{number}-user={OrdersCluster.Operator}
        pg{number}-database=postgres

        """ + (from is null ? "" : $"""
        pg{number}-host=127.0.0.1
        pg{number}-host-port={ports.Via(from, region, Services.Ssh)}
        pg{number}-host-user={supervisor.User.Name}
        pg{number}-host-cmd={Program(paths, region)}

        """);

    private void WriteProgram(string path, string region, string settings)
    {
        supervisor.User.Write(path, $"""
            #!/bin/sh
            export PGHOST=127.0.0.1 PGPASSFILE={paths.PasswordFile(region)}
            exec pgbackrest --config={settings} "$@"

            """);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    private string Folder(string region, string name) => Path.Combine(paths.Site(region), $"pgbackrest-{name}");
}
