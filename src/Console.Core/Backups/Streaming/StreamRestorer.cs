using System.Text;
using OpsConsole.Core.Backups.Format;
using OpsConsole.Core.Backups.Stores;

namespace OpsConsole.Core.Backups.Streaming;

/// <summary>What to restore, and how far.</summary>
public sealed record StreamRestore(string Cluster, string Label, RestoreTarget Target)
{
    /// <summary>Where the server will find the restored log: the data directory as the server's host names it.</summary>
    public required string DataDirectory { get; init; }

    /// <summary>A shell command that fetches <c>%f</c> to <c>%p</c> when it is not among what was restored; empty: there is nothing more.</summary>
    public string FetchCommand { get; init; } = "";
}

/// <param name="Files">that were checked against the server's own list</param>
public sealed record StreamRestored(StreamedBackup Backup, long Bytes, int Files, int Segments);

/// <summary>Turns a streamed backup and the log after it into a data directory that recovers by itself when a server is started on it.</summary>
public sealed class StreamRestorer(IBackupStore store, KeyRing keys)
{
    /// <summary>Directory inside the data directory for the log that recovery reads.</summary>
    public const string LogDirectory = "opsconsole_wal";
    private const string AutoConf = "postgresql.auto.conf";
    private static readonly string[] Dropped = ["standby.signal", "recovery.signal", "postmaster.pid", "postmaster.opts"];

    // What a standby's or an earlier restore's settings would make of the restored server.
    private static readonly string[] Replaced = ["primary_conninfo", "primary_slot_name", "restore_command", "recovery_target", "archive_cleanup_command", "recovery_end_command", "promote_trigger_file"];

    /// <exception cref="BackupEngineException">the target cannot be reached from this backup, or the directory is not usable</exception>
    /// <exception cref="DamagedBackupException">what is stored was altered</exception>
    internal async Task<StreamRestored> RestoreAsync(StreamRestore order, IRestoreSink sink, BackupProgress progress, CancellationToken cancel)
    {
        var backup = await new StreamRepository(store).DescribeAsync(order.Cluster, order.Label, keys, cancel);
        var files = FileList.Parse(StreamNames.Files(order.Cluster, order.Label), await SmallObject.ReadAsync(store, keys, StreamNames.Files(order.Cluster, order.Label), cancel));
        var listed = files.Count;
        var log = await new WalRepository(store).FromAsync(backup, order.Target, keys, cancel);
        var name = StreamNames.Base(order.Cluster, order.Label);
        string settings;
        long bytes;
        await using (var chunks = new ChunkPipe(await new StreamRepository(store).OpenAsync(name, keys, cancel), name, cancel))
        {
            try
            {
                (settings, bytes) = await UnpackAsync(chunks, files, sink, backup.SizeBytes, progress, cancel);
            }
            catch (Exception e) when (e is InvalidDataException or EndOfStreamException)
            {
                throw new DamagedBackupException(name, e.Message);
            }
        }
        files.CheckComplete();
        await LogAsync(order, log, backup, sink, progress, cancel);
        await sink.FileAsync(AutoConf, Encoding.UTF8.GetBytes(settings + RecoverySettings.Of(order, backup)), cancel);
        await sink.FileAsync("recovery.signal", ReadOnlyMemory<byte>.Empty, cancel);
        await progress(99, "waiting for the disk");
        await sink.CompleteAsync(cancel);
        return new StreamRestored(backup, bytes, listed, log.Count);
    }

    private static async Task<(string Settings, long Bytes)> UnpackAsync(ChunkPipe chunks, FileList files, IRestoreSink sink, long expected, BackupProgress progress, CancellationToken cancel)
    {
        var header = new byte[TarEntry.Block];
        var (settings, bytes, told) = ("", 0L, -1);
        while (await chunks.FillAsync(header, cancel))
        {
            if (TarEntry.Parse(header) is not { } entry) continue;
            var own = entry.Name == AutoConf ? new MemoryStream() : null;
            var kept = own is null && !Dropped.Contains(entry.Name);
            var crc = new RunningCrc32C();
            if (kept) await sink.BeginAsync(entry, cancel);
            for (var left = entry.Size; left > 0;)
            {
                var part = await chunks.TakeAsync(left, cancel);
                if (part.IsEmpty) throw new EndOfStreamException($"it ends within {entry.Name}");
                crc.Append(part.Span);
                own?.Write(part.Span);
                if (kept) await sink.ContentAsync(part, cancel);
                left -= part.Length;
            }
            if (kept) await sink.EndAsync(cancel);
            if (entry.Padding > 0) await chunks.FillAsync(header.AsMemory(0, (int)entry.Padding), cancel);
            if (entry.Kind == TarKind.File) files.Check(entry.Name, entry.Size, crc.Value);
            if (own is not null) settings = Keep(Encoding.UTF8.GetString(own.ToArray()));
            bytes += entry.Size;
            var percent = expected > 0 ? (int)Math.Min(90, 90 * bytes / expected) : 0;
            if (percent == told) continue;
            told = percent;
            await progress(percent, $"{bytes / 1_000_000} of {expected / 1_000_000} MB restored");
        }
        return (settings, bytes);
    }

    private async Task LogAsync(StreamRestore order, IReadOnlyList<WalObject> log, StreamedBackup backup, IRestoreSink sink, BackupProgress progress, CancellationToken cancel)
    {
        await sink.DirectoryAsync(LogDirectory, cancel);
        for (var n = 0; n < log.Count; n++)
        {
            // By its file's name: the newest piece is replaced every few seconds.
            var content = await new WalRepository(store).FetchAsync(order.Cluster, log[n].FileName, backup.SegmentBytes, keys, cancel) ?? throw new DamagedBackupException(log[n].Name, "it has gone meanwhile");
            await sink.FileAsync($"{LogDirectory}/{log[n].FileName}", content, cancel);
            if (n % 4 == 0) await progress(90 + (8 * n / log.Count), $"{n} of {log.Count} segments of the log fetched");
        }
    }

    private static string Keep(string settings) => string.Concat(settings.Split('\n')
        .Where(line => line.Length > 0 && !Replaced.Any(r => line.TrimStart().StartsWith(r, StringComparison.Ordinal))).Select(line => line + "\n"));
}
