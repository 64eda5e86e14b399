using System.Globalization;
using Npgsql;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Drivers.PgBackRest;

/// <summary>What a primary's archiver has brought away: a segment counts when archive_command said so, which pgBackRest says only once every repository has it.</summary>
public sealed class ArchiverView
{
    public async Task<ArchivedLog?> ReadAsync(ClusterOptions cluster, string region, CancellationToken cancel)
    {
        await using var node = await NodeConnection.OpenAsync(cluster, cluster.Nodes.First(n => n.Region == region), "opsconsole archive", cancel);
        var (segment, size) = (await node.ListAsync("""
            SELECT coalesce(last_archived_wal, ''), (SELECT setting::bigint FROM pg_settings WHERE name = 'wal_segment_size') FROM pg_stat_archiver
            """, r => (r.GetString(0), r.GetInt64(1)), cancel)).Single();
        return Parse(segment, (ulong)size);
    }

    /// <returns>the end of the segment; null for a history file, a partial segment or nothing</returns>
    public static ArchivedLog? Parse(string segment, ulong segmentBytes)
    {
        if (segment.Length != 24 || !segment.All(char.IsAsciiHexDigit)) return null;
        uint Part(int at) => uint.Parse(segment.AsSpan(at, 8), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        return new ArchivedLog((int)Part(0), new WalPosition(((ulong)Part(8) << 32) + ((Part(16) + 1UL) * segmentBytes)));
    }
}
