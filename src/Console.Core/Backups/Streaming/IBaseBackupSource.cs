using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Backups.Streaming;

/// <summary>Where base backups come from: a node of a cluster, through its replication protocol.</summary>
public interface IBaseBackupSource
{
    /// <summary>Reads the whole cluster once. Holds back the log that the backup needs for as long as it runs.</summary>
    /// <exception cref="BackupEngineException">refused (with what to do), or lost on the way</exception>
    Task<BaseBackup> ReadAsync(ClusterOptions cluster, string address, BaseBackupOrder order, IBaseBackupReceiver receiver, CancellationToken cancel);
}

/// <param name="Label">stands in the backup's own <c>backup_label</c></param>
/// <param name="MaxKilobytesPerSecond">0: as fast as it goes</param>
/// <param name="ZstdLevel">1 to 19; the server compresses, with <paramref name="Workers"/> threads</param>
public sealed record BaseBackupOrder(string Label, int MaxKilobytesPerSecond = 0, int ZstdLevel = 3, int Workers = 2);

public interface IBaseBackupReceiver
{
    /// <param name="estimatedBytes">size of the data directory; an estimate by the server</param>
    void Begins(long estimatedBytes);

    /// <summary>The next bytes of the compressed archive; valid only until it returns.</summary>
    ValueTask ArchiveAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel);

    ValueTask ManifestAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel);

    /// <summary>Bytes of the data directory read so far.</summary>
    ValueTask ProgressAsync(long bytes, CancellationToken cancel);
}

/// <param name="StartLsn">where replay begins</param>
/// <param name="StopLsn">where it is consistent</param>
public sealed record BaseBackup(string StartLsn, string StopLsn, int Timeline, string SystemIdentifier, string ServerVersion, bool FromStandby, int SegmentBytes);
