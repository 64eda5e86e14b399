namespace OpsConsole.Core.Backups;

/// <summary>What backups there are, and how far each is trusted. Reads only.</summary>
public interface IBackupCatalogue
{
    /// <summary>The newest backup (by the moment that it restores to) that was proven within <see cref="Backup.ProofAge"/>; null: none.</summary>
    Task<ProvenBackup?> NewestProvenAsync(string cluster, CancellationToken cancel = default);

    /// <summary>The newest backup whose checksums hold; null: none.</summary>
    Task<Backup?> NewestVerifiedAsync(string cluster, CancellationToken cancel = default);

    /// <summary>Newest first. Expired ones are left out unless asked for.</summary>
    /// <param name="before">id of the last one seen: continues a list</param>
    Task<IReadOnlyList<Backup>> ListAsync(string? cluster = null, bool expired = false, Guid? before = null, int limit = 500, CancellationToken cancel = default);

    Task<Backup?> FindAsync(Guid id, CancellationToken cancel = default);

    /// <summary>Its life, oldest first.</summary>
    Task<IReadOnlyList<BackupChange>> LifeAsync(Guid id, CancellationToken cancel = default);

    /// <summary>Between which moments the cluster can be restored now; null: not at all.</summary>
    Task<RestorableRange?> RangeAsync(string cluster, CancellationToken cancel = default);
}

/// <param name="From">oldest moment from a usable backup on, within the recovery window</param>
/// <param name="To">newest moment whose log is stored outside the database's own host</param>
/// <param name="Forks">where the history changed its timeline, oldest first</param>
public sealed record RestorableRange(DateTimeOffset From, DateTimeOffset To, IReadOnlyList<HistoryFork> Forks)
{
    /// <summary>Stretches of log that an engine does not have, oldest first: moments within one can be restored by another engine's log only, or not at all.</summary>
    public IReadOnlyList<LogGap> Gaps { get; init; } = [];
}

/// <summary>A promotion, or a restore in place: what the old timeline holds past <paramref name="Ended"/> is in no history any more.</summary>
/// <param name="Ended">last moment of the old timeline that counts</param>
/// <param name="Began">first moment seen on the new one</param>
public sealed record HistoryFork(int Timeline, DateTimeOffset Ended, DateTimeOffset Began);
