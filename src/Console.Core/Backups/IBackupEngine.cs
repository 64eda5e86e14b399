using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Backups;

/// <summary>A tool that takes, keeps and restores backups. Stateless: what it has done is read from its repositories, so that any node goes
/// on where another died. Every failure that a person can mend is a <see cref="BackupEngineException"/> that says how.</summary>
public interface IBackupEngine
{
    /// <summary>One of <see cref="BackupEngines"/>, or a word of its own: <c>pgbackrest</c>.</summary>
    string Id { get; }

    EngineCapabilities Capabilities { get; }

    /// <summary>Ids of the declared repositories that hold its backups of this cluster; empty: it does not serve the cluster.</summary>
    IReadOnlyList<string> Repositories(string cluster);

    /// <summary>Takes a backup into every repository; one that fails does not keep the others. Marks what it makes with the operation's id.</summary>
    /// <exception cref="BackupEngineException">Not one copy was made.</exception>
    Task<TakenBackup> TakeAsync(TakeOrder order, BackupProgress progress, CancellationToken cancel);

    /// <summary>What an operation has made so far, as the repositories show it; null: nothing complete.</summary>
    Task<TakenBackup?> FindAsync(string cluster, Guid operation, CancellationToken cancel);

    /// <summary>Ends what an operation has left running and removes what it made. Idempotent.</summary>
    Task AbandonAsync(string cluster, Guid operation, CancellationToken cancel);

    /// <summary>Operations that have made something that is still there: what an interrupted one has left is found by it.</summary>
    Task<IReadOnlyList<Guid>> OperationsAsync(string cluster, CancellationToken cancel) => Task.FromResult<IReadOnlyList<Guid>>([]);

    /// <summary>Checks the stored bytes of each copy against its manifest, without a database.</summary>
    Task<IReadOnlyList<CopyVerdict>> VerifyAsync(string cluster, IReadOnlyList<BackupCopy> copies, BackupProgress progress, CancellationToken cancel);

    /// <summary>Fills a directory on a host so that a server started there recovers to the target and then takes writes.</summary>
    Task RestoreAsync(RestoreOrder order, BackupProgress progress, CancellationToken cancel);

    /// <summary>Deletes copies, with everything that depends on them, and the log that no other backup needs. Idempotent.</summary>
    Task ExpireAsync(string cluster, IReadOnlyList<BackupCopy> copies, CancellationToken cancel);

    /// <summary>Sets or lifts a legal hold on copies, in those repositories that can. Idempotent.</summary>
    Task HoldAsync(string cluster, IReadOnlyList<BackupCopy> copies, bool held, CancellationToken cancel) => Task.CompletedTask;

    /// <summary>Whether the keys of its backups could be had again now, were they not in memory; null: yes, or it needs none.</summary>
    Task<string?> KeyTroubleAsync(CancellationToken cancel) => Task.FromResult<string?>(null);

    /// <summary>Up to where the log has arrived in its repositories; null when it keeps no log.</summary>
    Task<ArchivedLog?> ArchivedAsync(string cluster, CancellationToken cancel);

    /// <summary>Log that it gave up although it counts as archived, as far as it says so. Asked once a minute.</summary>
    Task<IReadOnlyList<MissingLog>> MissingAsync(string cluster, CancellationToken cancel) => Task.FromResult<IReadOnlyList<MissingLog>>([]);
}

/// <param name="PointInTime">restores to any moment since a backup, from its log</param>
public sealed record EngineCapabilities(bool Full, bool Incremental, bool Logical, bool PointInTime, bool Configuration = false)
{
    public bool Takes(BackupType type) => type switch { BackupType.Full => Full, BackupType.Incremental => Incremental, BackupType.Logical => Logical, _ => Configuration };
}

/// <param name="percent">0 to 100; null: unknown</param>
public delegate Task BackupProgress(double? percent, string text);

/// <param name="Operation">marks what is made, so that it is found after a crash</param>
public sealed record TakeOrder(string Cluster, BackupType Type, Guid Operation);

/// <summary>A finished backup as the engine's repositories show it.</summary>
/// <param name="SizeBytes">of the database</param>
/// <param name="Base">label of the backup that an incremental one needs, in the repository of the first copy; null for others</param>
/// <param name="StopLsn">position from which it is consistent</param>
/// <param name="Type">what was really made: without a base an incremental one becomes full</param>
public sealed record TakenBackup(
    BackupType Type, DateTimeOffset StartedAt, DateTimeOffset EndedAt, long SizeBytes, string? Base, string? StopLsn, int? Timeline, IReadOnlyList<TakenCopy> Copies);

/// <param name="Label">the engine's own name of it in this repository</param>
/// <param name="Failure">why there is no copy; null: it is complete</param>
public sealed record TakenCopy(string Repository, string Label, long StoredBytes, string? Failure = null);

/// <param name="Passed">null: it could not be looked at, which says nothing about the copy</param>
/// <param name="Detail">what was checked, or what is wrong and how to mend it</param>
public sealed record CopyVerdict(string Repository, bool? Passed, string Detail);

public enum RecoveryTarget { Backup, Time, Name, Latest }

/// <summary>Where recovery ends. Backup: as soon as it is consistent. Time: before the first commit after <paramref name="Time"/>. Always along
/// the newest timeline's own history, so that log past a fork is never replayed.</summary>
public sealed record RestoreTarget(RecoveryTarget Kind, DateTimeOffset? Time = null, string? Name = null, int? Timeline = null);

/// <param name="Region">on whose host the directory is</param>
/// <param name="Directory">empty or absent; for a restore in place the data directory of a stopped node</param>
public sealed record RestoreOrder(string Cluster, BackupType Type, BackupCopy Copy, RestoreTarget Target, string Region, string Directory);

/// <summary>The log is stored up to here.</summary>
public sealed record ArchivedLog(int Timeline, WalPosition Position);

/// <summary>The engine could not do it; the message says why and what to do.</summary>
public sealed class BackupEngineException : Exception
{
    public BackupEngineException(string message) : base(message) { }
    public BackupEngineException(string message, Exception inner) : base(message, inner) { }

    /// <summary>Trying again is pointless until somebody mends it.</summary>
    public bool Final { get; init; }

    /// <summary>What is stored is of no use: no other host, setting or time would help.</summary>
    public bool Damaged { get; init; }
}

/// <summary>Engines by id.</summary>
public sealed class BackupEngineRegistry(IEnumerable<IBackupEngine> engines)
{
    private readonly Dictionary<string, IBackupEngine> _engines = engines.ToDictionary(e => e.Id);

    public IBackupEngine? Find(string id) => _engines.GetValueOrDefault(id);

    public IBackupEngine Get(string id) => Find(id) ?? throw new BackupEngineException($"There is no backup engine '{id}'. Known: {string.Join(", ", _engines.Keys.Order(StringComparer.Ordinal))}.") { Final = true };

    /// <summary>Those that serve a cluster.</summary>
    public IEnumerable<IBackupEngine> Of(string cluster) => _engines.Values.Where(e => e.Repositories(cluster).Count > 0).OrderBy(e => e.Id, StringComparer.Ordinal);
}
