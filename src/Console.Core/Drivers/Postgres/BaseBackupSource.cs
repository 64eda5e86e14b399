using System.Buffers.Binary;
using System.Globalization;
using System.Net.Sockets;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Streaming;
using OpsConsole.Core.Drivers.Postgres.Wire;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Drivers.Postgres;

/// <summary>PostgreSQL's own BASE_BACKUP, spoken directly: unlike what pg_basebackup writes to a pipe it brings the manifest along with server-side compression, and the positions.
/// Needs PostgreSQL 15.</summary>
public sealed class BaseBackupSource(TimeProvider time) : IBaseBackupSource
{
    private const int OldestVersion = 15;
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(10);

    /// <summary>A server that reads a large sparse region, or waits for its restart point, says nothing for a while.</summary>
    public TimeSpan SilenceLimit { get; init; } = TimeSpan.FromMinutes(5);

    public async Task<BaseBackup> ReadAsync(ClusterOptions cluster, string address, BaseBackupOrder order, IBaseBackupReceiver receiver, CancellationToken cancel)
    {
        try
        {
            using var connection = await OpenAsync(cluster, address, cancel);
            var version = await ValueAsync(connection, "SHOW server_version", cancel);
            if (!int.TryParse(version.Split('.', ' ')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var major) || major < OldestVersion)
                throw new BackupEngineException($"{address} runs PostgreSQL {version}; streamed backups need {OldestVersion} or newer. Use pgBackRest for it.") { Final = true };
            var standby = await ValueAsync(connection, "SHOW in_hot_standby", cancel) == "on";
            var segment = Bytes(await ValueAsync(connection, "SHOW wal_segment_size", cancel));
            var system = (await connection.QueryAsync("IDENTIFY_SYSTEM", cancel)).Rows[0]["systemid"]!;
            // It goes with the connection, whatever happens to either.
            await connection.QueryAsync($"CREATE_REPLICATION_SLOT opsconsole_base_{Guid.NewGuid():N} TEMPORARY PHYSICAL RESERVE_WAL", cancel);
            var (start, stop, timeline) = await CopyAsync(connection, address, order, receiver, cancel);
            return new BaseBackup(start, stop, timeline, system, version, standby, segment);
        }
        catch (WireException refusal)
        {
            throw new BackupEngineException($"{address} refused the backup: {refusal.Message}. {Remedy(refusal)}", refusal);
        }
        catch (Exception e) when (e is IOException or SocketException)
        {
            throw new BackupEngineException($"{address} was lost during the backup ({e.Message}). What was written is taken back; it is taken again from another node.", e);
        }
    }

    // 1MB to 1GB, always a whole number of one of the two.
    private static int Bytes(string size) => int.Parse(size[..^2], CultureInfo.InvariantCulture) * (size.EndsWith("GB", StringComparison.Ordinal) ? 1 << 30 : 1 << 20);

    private async Task<WireConnection> OpenAsync(ClusterOptions cluster, string address, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        using var clock = new CancellationTokenSource(ConnectTimeout, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, clock.Token);
        var (user, password) = cluster.ReplicationUsername.Length > 0 ? (cluster.ReplicationUsername, cluster.ReplicationPassword) : (cluster.Username, cluster.Password);
        try
        {
            return await WireConnection.OpenReplicationAsync(address, user, password, "opsconsole-backup", both.Token);
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw new BackupEngineException($"{address} does not answer within {ConnectTimeout.TotalSeconds:0} s. The backup is taken from another node, or later.", e);
        }
    }

    private static async Task<string> ValueAsync(WireConnection connection, string query, CancellationToken cancel) =>
        (await connection.QueryAsync(query, cancel)).Rows[0].Values.First() ?? "";

    private async Task<(string Start, string Stop, int Timeline)> CopyAsync(WireConnection connection, string address, BaseBackupOrder order, IBaseBackupReceiver receiver, CancellationToken cancel)
    {
        var rate = order.MaxKilobytesPerSecond > 0 ? $", MAX_RATE {order.MaxKilobytesPerSecond}" : "";
        await connection.SendAsync('Q', System.Text.Encoding.UTF8.GetBytes(
            $"BASE_BACKUP (LABEL '{order.Label.Replace("'", "''", StringComparison.Ordinal)}', PROGRESS, CHECKPOINT 'fast', WAIT false, WAL true, MANIFEST 'yes', MANIFEST_CHECKSUMS 'CRC32C', TARGET 'client', COMPRESSION 'zstd', COMPRESSION_DETAIL 'level={order.ZstdLevel},workers={order.Workers}'{rate})\0"), cancel);
        var reader = new Reader(address, receiver);
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        await using var watch = time.CreateTimer(_ => limit.Cancel(), null, SilenceLimit, Timeout.InfiniteTimeSpan);
        try
        {
            while (!reader.Ended)
            {
                var (kind, body) = await connection.ReadAsync(limit.Token);
                watch.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan); // what follows is our own time, not the server's
                await reader.TakeAsync(kind, body, cancel);
                watch.Change(SilenceLimit, Timeout.InfiniteTimeSpan);
            }
        }
        catch (OperationCanceledException e) when (!cancel.IsCancellationRequested)
        {
            throw new BackupEngineException($"{address} has sent nothing for {SilenceLimit.TotalMinutes:0} min. The backup is given up; look at the node and the network.", e);
        }
        return (reader.Start, reader.Stop, reader.Timeline);
    }

    private static string Remedy(WireException refusal) => refusal.SqlState switch
    {
        "42501" or "28000" or "28P01" => "The role needs REPLICATION, and pg_hba.conf a line for replication from the console.",
        "53300" or "53400" => "Raise max_wal_senders and max_replication_slots.",
        "0A000" => "The server is built without zstd: install a build that has it, or use pgBackRest.",
        "57P01" or "57P03" => "The server is going down; the backup is taken again from another node.",
        "55000" when refusal.Message.Contains("standby was promoted", StringComparison.Ordinal) => "The standby became the primary meanwhile; the backup is taken again.",
        "55000" when refusal.Message.Contains("full_page_writes", StringComparison.Ordinal) => "Set full_page_writes = on on the primary (the default), or let the backup be taken from the primary.",
        _ => "Look into the server's log.",
    };

    /// <summary>One base backup's messages: positions, archive, manifest, positions.</summary>
    private sealed class Reader(string address, IBaseBackupReceiver receiver)
    {
        private string[] _columns = [];
        private WireException? _refusal;
        private int _resultSets;
        private int _archives;
        private bool _manifest;

        public string Start { get; private set; } = "";
        public string Stop { get; private set; } = "";
        public int Timeline { get; private set; }
        public bool Ended { get; private set; }

        public async Task TakeAsync(char kind, Memory<byte> body, CancellationToken cancel)
        {
            switch (kind)
            {
                case 'T':
                    _columns = WireConnection.Columns(body.Span);
                    _resultSets++;
                    break;
                case 'D':
                    Row(WireConnection.Row(_columns, body.Span));
                    break;
                case 'd':
                    await DataAsync(body, cancel);
                    break;
                case 'E':
                    _refusal = WireConnection.Refusal(body.Span);
                    break;
                case 'Z':
                    Ended = true;
                    if (_refusal is not null) throw _refusal;
                    if (Stop.Length == 0) throw new BackupEngineException($"{address} ended the backup without saying where.");
                    break;
                default:
                    break; // beginning and end of copying, notices, command tags
            }
        }

        private void Row(Dictionary<string, string?> row)
        {
            switch (_resultSets)
            {
                case 1:
                    (Start, Timeline) = (row["recptr"]!, int.Parse(row["tli"]!, CultureInfo.InvariantCulture));
                    break;
                case 2 when row["spcoid"] is not null:
                    throw new BackupEngineException($"{address} has tablespaces outside its data directory ({row["spclocation"]}), which streamed backups do not hold. Use pgBackRest for this cluster.") { Final = true };
                case 2:
                    receiver.Begins(long.Parse(row["size"] ?? "0", CultureInfo.InvariantCulture) * 1024);
                    break;
                default:
                    Stop = row["recptr"]!;
                    break;
            }
        }

        private ValueTask DataAsync(Memory<byte> body, CancellationToken cancel)
        {
            switch ((char)body.Span[0])
            {
                case 'n' when ++_archives > 1:
                    throw new BackupEngineException($"{address} sends more than one archive: it has tablespaces. Use pgBackRest for this cluster.") { Final = true };
                case 'm':
                    _manifest = true;
                    return ValueTask.CompletedTask;
                case 'd':
                    return _manifest ? receiver.ManifestAsync(body[1..], cancel) : receiver.ArchiveAsync(body[1..], cancel);
                case 'p':
                    return receiver.ProgressAsync(BinaryPrimitives.ReadInt64BigEndian(body.Span[1..]), cancel);
                default:
                    return ValueTask.CompletedTask;
            }
        }
    }
}
