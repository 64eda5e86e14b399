using System.Globalization;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Drivers.PgBackRest;

/// <summary>pgBackRest (2.41 or newer, for annotations) through the hosts' shells: the commands <c>pgbackrest.*</c> of the regions. Each repository gets a
/// backup of its own, since pgBackRest writes to one at a time; the log goes to all of them.</summary>
public sealed class PgBackRestEngine(FleetModel fleet, BackupsOptions options, IHostShell shell, IFleetFeed feed, ArchiverView archiver, TimeProvider time) : IBackupEngine
{
    private const string FromStandby = "pgbackrest.backupFromStandby";
    private static readonly TimeSpan LockPause = TimeSpan.FromSeconds(1);

    public string Id => BackupEngines.PgBackRest;

    public EngineCapabilities Capabilities { get; } = new(Full: true, Incremental: true, Logical: false, PointInTime: true);

    public IReadOnlyList<string> Repositories(string cluster) => Use(cluster) is { } use ? [.. use.Repositories.OrderBy(r => r.Key).Select(r => r.Value)] : [];

    public async Task<TakenBackup> TakeAsync(TakeOrder order, BackupProgress progress, CancellationToken cancel)
    {
        var use = Required(order.Cluster);
        var failures = new Dictionary<int, string>();
        BackupEngineException? last = null;
        var done = 0;
        foreach (var (number, repository) in use.Repositories.OrderBy(r => r.Key))
        {
            try
            {
                if (await HasAsync(order, use, number, cancel)) continue;
                await progress(100.0 * done / use.Repositories.Count, $"{order.Type} into {repository}");
                await TakeIntoAsync(order, use, number, progress, cancel);
            }
            catch (BackupEngineException e)
            {
                (failures[number], last) = (e.Message, e);
                await progress(null, $"{repository}: {e.Message}");
            }
            done++;
        }
        return Gather(await InfoAsync(order.Cluster, cancel), use, order.Operation, failures) ?? throw last ?? new BackupEngineException("pgBackRest ended well, but its repositories show no backup. Look at its log on the host.");
    }

    public async Task<TakenBackup?> FindAsync(string cluster, Guid operation, CancellationToken cancel)
    {
        var use = Required(cluster);
        return Gather(await InfoAsync(cluster, cancel), use, operation, new Dictionary<int, string>());
    }

    public async Task AbandonAsync(string cluster, Guid operation, CancellationToken cancel)
    {
        foreach (var region in Hosts(cluster, "pgbackrest.cancel"))
            await shell.RequireAsync(region, "pgbackrest.cancel", Arguments(cluster, ("operation", operation.ToString())), null, cancel);
        foreach (var set in (await InfoAsync(cluster, cancel)).Sets.Where(s => s.Operation == operation.ToString()))
            await ExpireSetAsync(cluster, set.Repository, set.Label, cancel);
    }

    public async Task<IReadOnlyList<Guid>> OperationsAsync(string cluster, CancellationToken cancel) =>
        [.. (await InfoAsync(cluster, cancel)).Sets.Select(s => Guid.TryParse(s.Operation, out var id) ? id : Guid.Empty).Where(id => id != Guid.Empty).Distinct()];

    public async Task<IReadOnlyList<CopyVerdict>> VerifyAsync(string cluster, IReadOnlyList<BackupCopy> copies, BackupProgress progress, CancellationToken cancel)
    {
        var use = Required(cluster);
        var verdicts = new List<CopyVerdict>();
        foreach (var (copy, i) in copies.Select((c, i) => (c, i)))
        {
            await progress(100.0 * i / copies.Count, $"checksums in {copy.Repository}");
            verdicts.Add(copy.Label.Length == 0 ? new CopyVerdict(copy.Repository, false, copy.Detail.Length > 0 ? copy.Detail : "this copy was never made") : await VerifyAsync(cluster, use, copy, cancel));
        }
        return verdicts;
    }

    public async Task RestoreAsync(RestoreOrder order, BackupProgress progress, CancellationToken cancel)
    {
        var arguments = new List<(string, string)> { ("repo", Number(Required(order.Cluster), order.Copy)), ("set", order.Copy.Label), ("directory", order.Directory) };
        var command = order.Target.Kind switch
        {
            RecoveryTarget.Backup => "pgbackrest.restore",
            RecoveryTarget.Latest => "pgbackrest.restoreLatest",
            _ => "pgbackrest.restoreTo",
        };
        if (command == "pgbackrest.restoreTo")
        {
            arguments.Add(("type", order.Target.Kind == RecoveryTarget.Time ? "time" : "name"));
            arguments.Add(("target", order.Target.Time is { } at ? at.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss.ffffff+00", CultureInfo.InvariantCulture) : order.Target.Name ?? ""));
            arguments.Add(("timeline", order.Target.Timeline?.ToString(CultureInfo.InvariantCulture) ?? "latest"));
        }
        await progress(null, $"copying {order.Copy.Label} from {order.Copy.Repository}");
        await RequireAsync(order.Region, command, $"Restoring {order.Copy.Label} from {order.Copy.Repository}", Arguments(order.Cluster, [.. arguments]), cancel);
    }

    public async Task ExpireAsync(string cluster, IReadOnlyList<BackupCopy> copies, CancellationToken cancel)
    {
        var use = Required(cluster);
        var known = (await InfoAsync(cluster, cancel)).Sets;
        foreach (var copy in copies.Where(c => c.Label.Length > 0))
        {
            var number = use.Repositories.First(r => r.Value == copy.Repository).Key;
            if (known.Any(s => s.Repository == number && s.Label == copy.Label)) await ExpireSetAsync(cluster, number, copy.Label, cancel);
        }
        // Log from before the oldest backup that is left goes too.
        foreach (var left in (await InfoAsync(cluster, cancel)).Sets.Where(s => s.Type == "full").GroupBy(s => s.Repository))
            await RequireAsync(HostOf(cluster, use.Repositories[left.Key], "pgbackrest.trim"), "pgbackrest.trim", "Deleting log that no backup needs", Arguments(cluster, ("repo", Text(left.Key)), ("count", Text(left.Count()))), cancel);
    }

    public Task<ArchivedLog?> ArchivedAsync(string cluster, CancellationToken cancel) => archiver.ReadAsync(fleet.Clusters[cluster], Primary(cluster), cancel);

    /// <summary>Beyond <c>archive-push-queue-max</c> pgBackRest gives log up and says to PostgreSQL that it was archived: only its warnings tell.</summary>
    public async Task<IReadOnlyList<MissingLog>> MissingAsync(string cluster, CancellationToken cancel)
    {
        const string Dropped = "pgbackrest.dropped";
        var primary = Primary(cluster);
        if (!shell.Offers(primary, Dropped)) return [];
        var segments = PgBackRestDropped.Segments((await RequireAsync(primary, Dropped, "Asking for dropped log", Arguments(cluster), cancel)).Output);
        return segments.Count == 0 ? [] : PgBackRestDropped.Stretches(segments, await archiver.SegmentBytesAsync(fleet.Clusters[cluster], primary, cancel));
    }

    private async Task<bool> HasAsync(TakeOrder order, PgBackRestOptions use, int number, CancellationToken cancel)
    {
        // A backup that an earlier run of this operation has left running is waited for: it may be ours.
        while (true)
        {
            var info = await InfoAsync(order.Cluster, cancel);
            if (info.Sets.Any(s => s.Repository == number && s.Operation == order.Operation.ToString())) return true;
            if (!info.BackupRuns && !await RunsElsewhereAsync(order.Cluster, cancel)) return false;
            await Task.Delay(LockPause, time, cancel);
        }
    }

    /// <summary>The lock of a backup is one of its host: each is asked for its own. One that does not answer cannot be waited for.</summary>
    private async Task<bool> RunsElsewhereAsync(string cluster, CancellationToken cancel)
    {
        var running = await Task.WhenAll(Hosts(cluster, FromStandby).Select(async host =>
        {
            try
            {
                return PgBackRestInfo.Parse((await RequireAsync(host, "pgbackrest.info", "Asking for backups", Arguments(cluster), cancel)).Output, Required(cluster).Stanza).BackupRuns;
            }
            catch (Exception e) when (e is BackupEngineException or FormatException)
            {
                return false;
            }
        }));
        return running.Contains(true);
    }

    /// <summary>A standby's files are read where one streams and its host knows how; else the primary's.</summary>
    private async Task TakeIntoAsync(TakeOrder order, PgBackRestOptions use, int number, BackupProgress progress, CancellationToken cancel)
    {
        var region = Primary(order.Cluster);
        var arguments = Arguments(order.Cluster, ("repo", Text(number)), ("type", order.Type == BackupType.Incremental ? "incr" : "full"), ("operation", order.Operation.ToString()));
        var doing = $"A backup into {use.Repositories[number]}";
        if (StandbyFor(order.Cluster, use.Repositories[number]) is { } standby)
        {
            try
            {
                await RequireAsync(standby, FromStandby, doing, arguments, cancel);
                return;
            }
            catch (BackupEngineException e) when (!cancel.IsCancellationRequested)
            {
                await progress(null, $"From the standby in {standby}: {e.Message} It is taken from the primary.");
            }
        }
        if (!shell.Offers(region, "pgbackrest.backup")) throw new BackupEngineException($"The shell of {region}, where the primary is, declares no command pgbackrest.backup. Declare it under Fleet:Regions.") { Final = true };
        await RequireAsync(region, "pgbackrest.backup", doing, arguments, cancel);
    }

    /// <summary>Run on the standby's own host, so that only the commands to the primary cross the network; best in the region of the repository.</summary>
    private string? StandbyFor(string cluster, string repository)
    {
        var own = fleet.Options.BackupRepositories.Find(r => r.Id == repository)?.Region;
        return (feed.Current.Clusters.GetValueOrDefault(cluster)?.Nodes ?? []).Where(n => n is { Role: NodeRole.Standby, Reachable: true, ReceiverStatus: "streaming" } && shell.Offers(n.Region, FromStandby))
            .OrderByDescending(n => n.Region == own).ThenBy(n => fleet.Regions[n.Region].Priority).FirstOrDefault()?.Region;
    }

    private async Task<CopyVerdict> VerifyAsync(string cluster, PgBackRestOptions use, BackupCopy copy, CancellationToken cancel)
    {
        try
        {
            var host = HostOf(cluster, copy.Repository, "pgbackrest.verify");
            var report = await RequireAsync(host, "pgbackrest.verify", $"Verifying {copy.Repository}", Arguments(cluster, ("repo", Number(use, copy))), cancel);
            if (PgBackRestVerdicts.Parse(report.Output) is not { } verdicts) return new CopyVerdict(copy.Repository, null, $"pgBackRest's report cannot be read: {report.Output.Trim()}");
            if (!verdicts.Sets.TryGetValue(copy.Label, out var set)) return new CopyVerdict(copy.Repository, false, $"{copy.Label} is not in the repository any more. Take a new backup.");
            var log = verdicts.Log is { } wrong ? $"; {wrong}{(verdicts.Segments.Count == 0 ? " (give pgbackrest.verify --log-level-console=info, and it says which)" : "")}" : "";
            if (await NeededAsync(cluster, use, copy, verdicts, cancel) is { Count: > 0 } needed)
                return new CopyVerdict(copy.Repository, false, $"{copy.Label} needs log that is damaged: {string.Join(", ", needed)}{log}. Use another copy, take a new full backup, and look at the store.");
            return new CopyVerdict(copy.Repository, set.Valid, set.Valid ? set.Detail + log : $"{copy.Label} is damaged: {set.Detail}{log}. Use another copy, take a new full backup, and look at the store.");
        }
        catch (BackupEngineException e) when (e.Final)
        {
            return new CopyVerdict(copy.Repository, false, e.Message);
        }
        catch (BackupEngineException e)
        {
            return new CopyVerdict(copy.Repository, null, e.Message);
        }
    }

    private async Task<IReadOnlyList<string>> NeededAsync(string cluster, PgBackRestOptions use, BackupCopy copy, PgBackRestVerdicts verdicts, CancellationToken cancel) => verdicts.Segments.Count > 0
        && (await InfoAsync(cluster, cancel)).Sets.FirstOrDefault(s => s.Label == copy.Label && use.Repositories.GetValueOrDefault(s.Repository) == copy.Repository) is { } set ? verdicts.DamagedOf(set) : [];

    private Task ExpireSetAsync(string cluster, int number, string label, CancellationToken cancel) =>
        RequireAsync(HostOf(cluster, Required(cluster).Repositories[number], "pgbackrest.expire"), "pgbackrest.expire", $"Deleting {label}", Arguments(cluster, ("repo", Text(number)), ("set", label)), cancel);

    private async Task<PgBackRestInfo> InfoAsync(string cluster, CancellationToken cancel)
    {
        var hosts = Hosts(cluster, "pgbackrest.info").ToList();
        if (hosts.Count == 0) throw new BackupEngineException($"No region of {cluster} declares the command pgbackrest.info. Declare the commands pgbackrest.* under Fleet:Regions.") { Final = true };
        for (var i = 0; ; i++)
        {
            try
            {
                var answer = await RequireAsync(hosts[i], "pgbackrest.info", "Asking for backups", Arguments(cluster), cancel);
                return PgBackRestInfo.Parse(answer.Output, Required(cluster).Stanza);
            }
            catch (Exception e) when (e is BackupEngineException or FormatException && i < hosts.Count - 1)
            {
                continue; // the next host may be in reach
            }
            catch (FormatException e)
            {
                throw new BackupEngineException(e.Message, e);
            }
        }
    }

    private async Task<HostCommandResult> RequireAsync(string region, string command, string doing, Dictionary<string, string> arguments, CancellationToken cancel)
    {
        try
        {
            var result = await shell.RunAsync(region, command, arguments, null, cancel);
            return result.ExitCode == 0 ? result : throw PgBackRestErrors.Translate(doing, region, result);
        }
        catch (HostShellException e)
        {
            throw new BackupEngineException($"{doing}: the host of {region} could not be asked. {e.Message}", e);
        }
    }

    private TakenBackup? Gather(PgBackRestInfo info, PgBackRestOptions use, Guid operation, Dictionary<int, string> failures)
    {
        var made = info.Sets.Where(s => s.Operation == operation.ToString()).OrderBy(s => s.Repository).ToList();
        if (made.Count == 0) return null;
        var copies = use.Repositories.OrderBy(r => r.Key).Select(r => made.Find(s => s.Repository == r.Key) is { } set
            ? new TakenCopy(r.Value, set.Label, set.StoredBytes)
            : new TakenCopy(r.Value, "", 0, failures.GetValueOrDefault(r.Key) ?? "this copy was not made: the backup was interrupted"));
        // A base may have had to be made in one repository only: then it counts as what it is least.
        var incremental = made.Find(s => s.Type != "full");
        return new TakenBackup(incremental is null ? BackupType.Full : BackupType.Incremental, made.Min(s => s.StartedAt), made.Max(s => s.StoppedAt), made.Max(s => s.SizeBytes),
            incremental?.Prior, made[^1].StopLsn, made[^1].Timeline, [.. copies]);
    }

    private Dictionary<string, string> Arguments(string cluster, params (string Name, string Value)[] arguments) =>
        arguments.Append(("stanza", Required(cluster).Stanza)).ToDictionary(a => a.Item1, a => a.Item2);

    /// <summary>The repository's own region first: it is the one that must be in reach anyway.</summary>
    private string HostOf(string cluster, string repository, string command)
    {
        var own = fleet.Options.BackupRepositories.Find(r => r.Id == repository)?.Region;
        return own is not null && shell.Offers(own, command) ? own
            : Hosts(cluster, command).FirstOrDefault() ?? throw new BackupEngineException($"No region of {cluster} declares the command {command}. Declare it under Fleet:Regions.") { Final = true };
    }

    private IEnumerable<string> Hosts(string cluster, string command)
    {
        var primary = Primary(cluster);
        return fleet.RegionsByPriority.Select(r => r.Id).Where(r => fleet.Clusters[cluster].Nodes.Any(n => n.Region == r)).OrderByDescending(r => r == primary).Where(r => shell.Offers(r, command));
    }

    private string Primary(string cluster) => feed.Current.Clusters.GetValueOrDefault(cluster)?.PrimaryRegion ?? fleet.Clusters[cluster].PrimaryRegion;
    private PgBackRestOptions? Use(string cluster) => options.PgBackRest.Find(u => u.Cluster == cluster);
    private PgBackRestOptions Required(string cluster) => Use(cluster) ?? throw new BackupEngineException($"pgBackRest is not set up for {cluster}. Add it to Backups:PgBackRest.") { Final = true };
    private static string Number(PgBackRestOptions use, BackupCopy copy) => Text(use.Repositories.First(r => r.Value == copy.Repository).Key);
    private static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);
}
