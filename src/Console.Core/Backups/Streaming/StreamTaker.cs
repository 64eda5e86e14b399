using System.Globalization;
using OpsConsole.Core.Backups.Format;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Backups.Streaming;

/// <param name="Address">of the node that is read</param>
public sealed record StreamOrder(ClusterOptions Cluster, string Region, string Address, Guid Operation, BaseBackupOrder Base);

/// <param name="Failures">repository to why it has no copy</param>
public sealed record StreamTaken(StreamedBackup Backup, IReadOnlyList<IBackupStore> Stores, IReadOnlyDictionary<string, string> Failures);

/// <summary>Takes a full backup: one read of the database, compressed there, encrypted here, into several repositories at once.</summary>
public sealed class StreamTaker(IBaseBackupSource source, FanOutLimits limits, TimeProvider time, BackupBrake? brake = null)
{
    /// <exception cref="BackupEngineException">no repository has it, or the database did not give it; nothing half-written is left where a store could be asked</exception>
    public async Task<StreamTaken> TakeAsync(StreamOrder order, KeyRing keys, IReadOnlyList<IBackupStore> stores, BackupProgress progress, CancellationToken cancel)
    {
        var started = time.GetUtcNow();
        var (cluster, label) = (order.Cluster.Id, StreamNames.Label(started, order.Operation));
        var writer = new CopyWriter(keys.Current, stores, limits, time);
        var files = new MemoryStream();
        var receiver = new Receiver(keys.Current, StreamNames.Base(cluster, label), stores, limits, time, files, progress, brake);
        try
        {
            BaseBackup read;
            IReadOnlyList<CopyOutcome> copies;
            StreamedObject archive;
            await using (receiver)
            {
                read = await source.ReadAsync(order.Cluster, order.Address, order.Base with { Label = label }, receiver, cancel);
                (archive, copies) = await receiver.CompleteAsync(cancel);
            }
            writer.Note(copies);
            var listed = await writer.PutAsync(StreamNames.Files(cluster, label), files.ToArray(), cancel);
            var backup = new StreamedBackup(
                StreamedBackup.CurrentFormat, label, cluster, order.Operation, started, time.GetUtcNow(), order.Region, read.FromStandby, read.SystemIdentifier, read.ServerVersion, read.Timeline, read.StartLsn, read.StopLsn,
                read.SegmentBytes, receiver.SizeBytes, keys.Current.Id, [archive, listed]);
            await writer.PutAsync(StreamNames.Backup(cluster, label), backup.ToJson(), cancel);
            return new StreamTaken(backup, writer.Kept, writer.Failures);
        }
        catch
        {
            await writer.TakeBackAsync(s => new StreamRepository(s), cluster, label);
            throw;
        }
    }

    /// <summary>Turns what the server sends into frames for all stores.</summary>
    private sealed class Receiver : IBaseBackupReceiver, IAsyncDisposable
    {
        private readonly FanOut _fan;
        private readonly FrameWriter _writer;
        private readonly string _name;
        private readonly MemoryStream _files;
        private readonly BackupProgress _progress;
        private readonly BackupBrake? _brake;
        private long _estimated;
        private int _told = -1;

        public Receiver(BackupKey key, string name, IReadOnlyList<IBackupStore> stores, FanOutLimits limits, TimeProvider time, MemoryStream files, BackupProgress progress, BackupBrake? brake)
        {
            (_name, _files, _progress, _brake) = (name, files, progress, brake);
            _fan = new FanOut(stores, name, PutOptions.New, limits, time);
            _writer = new FrameWriter(key, StreamCompression.Zstd, name, _fan.WriteAsync);
        }

        public long SizeBytes { get; private set; }

        public void Begins(long estimatedBytes) => _estimated = estimatedBytes;

        public async ValueTask ArchiveAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel)
        {
            if (_brake is not null) await _brake.HoldAsync(cancel);
            await _writer.WriteAsync(bytes, cancel);
        }

        public ValueTask ManifestAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel)
        {
            _files.Write(bytes.Span);
            return ValueTask.CompletedTask;
        }

        public async ValueTask ProgressAsync(long bytes, CancellationToken cancel)
        {
            SizeBytes = bytes;
            var percent = _estimated > 0 ? (int)Math.Min(99, 100 * bytes / _estimated) : 0;
            if (percent == _told) return;
            _told = percent;
            await _progress(percent, $"{bytes / 1_000_000} of about {Math.Max(_estimated, bytes) / 1_000_000} MB read, {_writer.StoredBytes / 1_000_000} MB stored{(_brake is { Held.TotalSeconds: >= 0.1 } ? string.Create(CultureInfo.InvariantCulture, $"; held back {_brake.Held.TotalSeconds:0.0} s for the sake of clients' writes") : "")}");
        }

        public async Task<(StreamedObject Archive, IReadOnlyList<CopyOutcome> Copies)> CompleteAsync(CancellationToken cancel)
        {
            var hash = await _writer.CompleteAsync(cancel);
            return (new StreamedObject(_name, _writer.PlainBytes, _writer.StoredBytes, hash), await _fan.CompleteAsync(cancel));
        }

        public async ValueTask DisposeAsync()
        {
            await _fan.DisposeAsync();
            _writer.Dispose();
        }
    }
}
