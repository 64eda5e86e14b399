using OpsConsole.Core.Backups;

namespace OpsConsole.Web.Api;

public sealed record BackupCopyView(string Repository, string Region, CopyState State, long StoredBytes, DateTimeOffset? CheckedAt, string Detail);

/// <param name="Proven">restored, opened and found right within seven days: the only green</param>
/// <param name="FailedBaseId">of the backups that it builds on, one that failed or is gone: it is of no use then; null: there is none</param>
public sealed record BackupView(
    Guid Id, string Cluster, BackupType Type, string Engine, BackupState State, DateTimeOffset StartedAt, DateTimeOffset EndedAt, long SizeBytes, long StoredBytes,
    IReadOnlyList<BackupCopyView> Copies, DateTimeOffset? VerifiedAt, DateTimeOffset? ProvenAt, double? RestoreSeconds, bool Proven, string Failure, BackupHold? Hold, Guid OperationId, Guid? BaseId, Guid? FailedBaseId, DateTimeOffset? ExpiredAt)
{
    public static BackupView Of(Backup backup, DateTimeOffset now) => new(
        backup.Id, backup.Cluster, backup.Type, backup.Engine, backup.Shown, backup.StartedAt, backup.EndedAt, backup.SizeBytes, backup.StoredBytes,
        [.. backup.Copies.Select(c => new BackupCopyView(c.Repository, c.Region, c.State, c.StoredBytes, c.CheckedAt, c.Detail))],
        backup.VerifiedAt, backup.ProvenAt, backup.RestoreSeconds, backup.IsProven(now), backup.Failure, backup.Hold, backup.OperationId, backup.BaseId, backup.FailedBaseId, backup.ExpiredAt);
}

/// <param name="Life">everything that happened to it, oldest first</param>
public sealed record BackupDetailView(BackupView Backup, IReadOnlyList<BackupChange> Life);

public sealed record RetentionView(Guid BackupId, DateTimeOffset EndedAt, BackupType Type, string Engine, bool Keep, string Reason);
