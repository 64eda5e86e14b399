using System.Text;
using OpsConsole.Core.Backups.Format;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Backups.Streaming;
using OpsConsole.Core.Drivers.Postgres;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Backups.Logical;

/// <summary>Logical backups: the cluster's database by pg_dump, and its roles, from a standby where one streams. A restore makes a new server and loads them into it; there is no log, so the only
/// moment is the dump's own.</summary>
public sealed class PgDumpEngine(
    FleetModel fleet, BackupsOptions options, IFleetFeed feed, Repositories repositories, DeclaredKeys keys, WriteBrakes brakes, IHostPipe hosts, IHostShell shell, TimeProvider time)
    : StoringEngine(keys), IBackupEngine
{
    /// <summary>Takes a tar archive of <c>roles.sql</c> and <c>database.dump</c> on standard input, makes a server's data directory at <c>{directory}</c> whose first superuser is <c>{owner}</c>, and
    /// loads them into it; leaves it stopped.</summary>
    public const string LoadCommand = "pgdump.load";

    public string Id => BackupEngines.PgDump;

    public EngineCapabilities Capabilities { get; } = new(Full: false, Incremental: false, Logical: true, PointInTime: false);

    public IReadOnlyList<string> Repositories(string cluster) => Keys.Any && options.PgDump.Find(u => u.Cluster == cluster) is { } use ? use.Repositories : [];

    public async Task<TakenBackup> TakeAsync(TakeOrder order, BackupProgress progress, CancellationToken cancel)
    {
        if (await ResumeAsync(order.Cluster, order.Operation, cancel) is { } done) return done;
        var cluster = fleet.Clusters[order.Cluster];
        var (ring, stores) = (await RingAsync(cancel), Shelves(order.Cluster).Select(r => r.Store).ToList());
        return await FirstAsync(order.Cluster, StreamNodes.Order(cluster, feed.Current.Clusters.GetValueOrDefault(cluster.Id)), async node =>
        {
            await progress(null, $"dumping {cluster.Database} of the node in {node.Region}");
            var taken = await new LogicalTaker(Programs(order.Cluster), FanOutLimits.Usual, time, brakes.Of(order)).TakeAsync(cluster, node, order.Operation, ring, stores, progress, cancel);
            return Taken(taken.Backup, [.. stores.Select(s => Copy(s.Id, taken.Backup.Label, taken.Backup.StoredBytes, taken.Failures.GetValueOrDefault(s.Id)))]);
        }, progress);
    }

    public async Task<IReadOnlyList<CopyVerdict>> VerifyAsync(string cluster, IReadOnlyList<BackupCopy> copies, BackupProgress progress, CancellationToken cancel)
    {
        var verdicts = new List<CopyVerdict>();
        foreach (var copy in copies)
        {
            await progress(100.0 * verdicts.Count / copies.Count, $"reading {copy.Repository}");
            verdicts.Add(await VerdictAsync(copy, () => VerifyAsync(cluster, copy, cancel)));
        }
        return verdicts;
    }

    /// <summary>Every frame, and whether pg_restore can read the dump's table of contents.</summary>
    private async Task<CopyVerdict> VerifyAsync(string cluster, BackupCopy copy, CancellationToken cancel)
    {
        var (repository, ring) = (new LogicalRepository(repositories[copy.Repository]), await Keys.RingAsync(cancel));
        var backup = await repository.DescribeAsync(cluster, copy.Label, ring, cancel);
        await repository.RolesAsync(cluster, copy.Label, ring, cancel);
        var (entries, wrong) = await Programs(cluster).ListAsync((input, stop) => FeedAsync(repository, backup, ring, input, stop), cancel);
        return wrong.Length == 0
            ? new CopyVerdict(copy.Repository, true, $"every frame of {backup.StoredBytes} stored bytes is as it was written; pg_restore lists {entries} entries")
            : new CopyVerdict(copy.Repository, false, $"every frame is as it was written, but pg_restore cannot read it: {wrong}. Take a new dump, by a pg_dump of the server's version.");
    }

    // pg_restore closes its end when it has read what it wants; the rest is read for its checks alone.
    private static async Task FeedAsync(LogicalRepository repository, LogicalBackup backup, KeyRing ring, Stream input, CancellationToken cancel)
    {
        var open = true;
        await repository.DatabaseAsync(backup, ring, async (bytes, _) =>
        {
            try
            {
                if (open) await input.WriteAsync(bytes, cancel);
            }
            catch (IOException)
            {
                open = false;
            }
        }, cancel);
    }

    public async Task RestoreAsync(RestoreOrder order, BackupProgress progress, CancellationToken cancel)
    {
        if (order.Target.Kind != RecoveryTarget.Backup)
            throw new BackupEngineException("A logical backup holds its own moment only, without a log to go on from. Leave targetTime out, or restore from a full backup of another engine.") { Final = true };
        if (!shell.Offers(order.Region, LoadCommand)) throw new BackupEngineException($"The shell of {order.Region} declares no command {LoadCommand}. Declare it under Fleet:Regions (docs/fleet.md).") { Final = true };
        await GuardedAsync(async () =>
        {
            var (repository, ring) = (new LogicalRepository(repositories[order.Copy.Repository]), await RingAsync(cancel));
            var backup = await repository.DescribeAsync(order.Cluster, order.Copy.Label, ring, cancel);
            var roles = await repository.RolesAsync(order.Cluster, order.Copy.Label, ring, cancel);
            var arguments = new Dictionary<string, string> { ["directory"] = order.Directory, ["owner"] = backup.Owner };
            var result = await hosts.FeedAsync(order.Region, LoadCommand, arguments, async (input, stop) =>
            {
                await using var sink = new TarSink(input);
                await sink.FileAsync("roles.sql", (byte[])[.. roles, .. Encoding.UTF8.GetBytes(OwnRole(fleet.Clusters[order.Cluster]))], stop);
                await DatabaseAsync(repository, backup, ring, sink, progress, stop);
                await progress(null, "the dump is loaded into a new server");
                await sink.CompleteAsync(stop);
            }, cancel);
            if (result.ExitCode != 0) throw new BackupEngineException($"{order.Region} could not load the dump into {order.Directory} ({result.ExitCode}): {(result.Error + result.Output).Trim()}");
        });
    }

    private static async Task DatabaseAsync(LogicalRepository repository, LogicalBackup backup, KeyRing ring, TarSink sink, BackupProgress progress, CancellationToken cancel)
    {
        var all = backup.Objects.First(o => o.Name == LogicalNames.Database(backup.Cluster, backup.Label)).PlainBytes;
        await sink.BeginAsync(new TarEntry("database.dump", TarKind.File, all, Convert.ToInt32("600", 8), ""), cancel);
        var told = -1;
        await repository.DatabaseAsync(backup, ring, async (bytes, done) =>
        {
            await sink.ContentAsync(bytes, cancel);
            var percent = (int)(50 * done / all);
            if (percent == told) return;
            told = percent;
            await progress(percent, $"{done / 1_000_000} of {all / 1_000_000} MB read");
        }, cancel);
        await sink.EndAsync(cancel);
    }

    /// <summary>Roles are dumped without passwords: the console's own gets the one by which it will sign in.</summary>
    private static string OwnRole(ClusterOptions cluster)
    {
        if (cluster.Password.Length == 0) return "";
        var (role, name) = ($"\"{cluster.Username.Replace("\"", "\"\"", StringComparison.Ordinal)}\"", Literal(cluster.Username));
        return $"\nSELECT 'CREATE ROLE {role.Replace("'", "''", StringComparison.Ordinal)}' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {name}) \\gexec\nALTER ROLE {role} LOGIN PASSWORD {Literal(cluster.Password)};\n";
    }

    private static string Literal(string value) => $"E'{value.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("'", "''", StringComparison.Ordinal)}'";

    public async Task ExpireAsync(string cluster, IReadOnlyList<BackupCopy> copies, CancellationToken cancel)
    {
        foreach (var copy in copies.Where(c => c.Label.Length > 0)) await GuardedAsync(() => new LogicalRepository(repositories[copy.Repository]).DeleteAsync(cluster, copy.Label, cancel));
    }

    public Task<ArchivedLog?> ArchivedAsync(string cluster, CancellationToken cancel) => Task.FromResult<ArchivedLog?>(null);

    private static TakenBackup Taken(LogicalBackup backup, IReadOnlyList<TakenCopy> copies) => new(BackupType.Logical, backup.StartedAt, backup.EndedAt, backup.SizeBytes, null, null, null, copies);

    private DumpPrograms Programs(string cluster) => new(options.PgDump.Find(u => u.Cluster == cluster)?.Programs ?? "");

    protected override IEnumerable<IBackupShelf> Shelves(string cluster) => Repositories(cluster).Select(id => new LogicalRepository(repositories[id]));

    protected override async Task<(TakenBackup, long)> DescribeAsync(IBackupShelf shelf, string cluster, string label, KeyRing ring, CancellationToken cancel)
    {
        var backup = await new LogicalRepository(shelf.Store).DescribeAsync(cluster, label, ring, cancel);
        return (Taken(backup, []), backup.StoredBytes);
    }
}
