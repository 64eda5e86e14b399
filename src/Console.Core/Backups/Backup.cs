using System.Collections.Immutable;

namespace OpsConsole.Core.Backups;

/// <summary>A backup as the catalogue knows it.</summary>
/// <param name="State">how far it is trusted; a hold is in <see cref="Hold"/></param>
/// <param name="BaseId">the backup that this one needs; null for full and logical ones</param>
/// <param name="EndedAt">the moment that it restores to by itself</param>
/// <param name="SizeBytes">of the database</param>
/// <param name="StopLsn">position from which it is consistent</param>
public sealed record Backup(
    Guid Id, string Cluster, BackupType Type, string Engine, BackupState State, Guid OperationId, Guid? BaseId,
    DateTimeOffset StartedAt, DateTimeOffset EndedAt, long SizeBytes, string? StopLsn, int? Timeline)
{
    public ImmutableArray<BackupCopy> Copies { get; init; } = [];
    public DateTimeOffset? VerifiedAt { get; init; }
    public DateTimeOffset? ProvenAt { get; init; }
    /// <summary>Measured at the newest proof: from the first byte read to the first query answered.</summary>
    public double? RestoreSeconds { get; init; }
    /// <summary>Why it is of no use; empty otherwise.</summary>
    public string Failure { get; init; } = "";
    /// <summary>Of the backups that it builds on, one that failed or is gone; null: there is none.</summary>
    public Guid? FailedBaseId { get; init; }
    public BackupHold? Hold { get; init; }
    public DateTimeOffset? ExpiredAt { get; init; }

    /// <summary>Can be restored from, as far as is known: it and all that it builds on.</summary>
    public bool IsUsable => State.IsUsable() && FailedBaseId is null;

    /// <summary>What the API and the pages show: a hold stands for the state it keeps; one whose base failed has failed.</summary>
    public BackupState Shown => !State.IsUsable() ? State : FailedBaseId is not null ? BackupState.Failed : Hold is not null ? BackupState.Held : State;

    /// <summary>Bytes of the copies that are of use, in all repositories.</summary>
    public long StoredBytes => Copies.Where(c => c.State is not (CopyState.Expired or CopyState.Failed)).Sum(c => c.StoredBytes);

    /// <summary>The only green: restored, opened and found right within seven days.</summary>
    public bool IsProven(DateTimeOffset now) => IsUsable && State == BackupState.Proven && ProvenAt is { } at && now - at <= ProofAge;

    public static readonly TimeSpan ProofAge = TimeSpan.FromDays(7);
}

/// <param name="Label">the engine's own name of it in this repository</param>
public sealed record BackupCopy(string Repository, string Region, string Label, CopyState State, long StoredBytes, DateTimeOffset? CheckedAt, string Detail);

/// <summary>Nobody and nothing deletes it until the hold is lifted.</summary>
public sealed record BackupHold(string By, string Reason, DateTimeOffset At);

/// <summary>One line of a backup's life.</summary>
public sealed record BackupChange(DateTimeOffset At, string By, string What, string Detail);

/// <summary>A backup that may be relied on.</summary>
/// <param name="RestorableAt">the moment that it restores to by itself</param>
/// <param name="Regions">regions with a copy that was verified</param>
public sealed record ProvenBackup(Guid Id, string Cluster, string Engine, DateTimeOffset RestorableAt, DateTimeOffset ProvenAt, double RestoreSeconds, IReadOnlyList<string> Regions);
