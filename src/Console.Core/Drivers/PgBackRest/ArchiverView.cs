using System.Globalization;
using Npgsql;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Drivers.PgBackRest;

/// <summary>What a primary's archiver has brought away: a segment counts when archive_command said so, which pgBackRest says once every repository has it, or when it gave it up
/// (<see cref="PgBackRestDropped"/>).</summary>
public sealed class ArchiverView
{
    public async Task<ArchivedLog?> ReadAsync(ClusterOptions cluster, string region, CancellationToken cancel)
    {
        await using var node = await NodeConnection.OpenAsync(cluster, cluster.Nodes.First(n => n.Region == region), "opsconsole archive", cancel);
        var (segment, waiting, size) = (await node.ListAsync("""
            SELECT coalesce(last_archived_wal, ''), (SELECT coalesce(min(substr(name, 9, 16)), '') FROM pg_ls_archive_statusdir() WHERE name ~ '^[0-9A-F]{24}[.]ready$'),
                (SELECT setting::bigint FROM pg_settings WHERE name = 'wal_segment_size') FROM pg_stat_archiver
            """, r => (r.GetString(0), r.GetString(1), r.GetInt64(2)), cancel)).Single();
        return Before(Parse(segment, (ulong)size), waiting, (ulong)size);
    }

    public async Task<ulong> SegmentBytesAsync(ClusterOptions cluster, string region, CancellationToken cancel)
    {
        await using var node = await NodeConnection.OpenAsync(cluster, cluster.Nodes.First(n => n.Region == region), "opsconsole archive", cancel);
        return (ulong)await node.ScalarAsync<long>("SELECT setting::bigint FROM pg_settings WHERE name = 'wal_segment_size'", cancel);
    }

    /// <summary>After a promotion older segments may wait behind newer ones that are stored: then it is stored up to the oldest that waits.</summary>
    /// <param name="waiting">its name without the timeline; empty: none waits</param>
    public static ArchivedLog? Before(ArchivedLog? archived, string waiting, ulong segmentBytes) =>
        archived is not null && Parse($"{archived.Timeline:X8}{waiting}", segmentBytes) is { } next && next.Position.Value - segmentBytes < archived.Position.Value
            ? archived with { Position = new WalPosition(next.Position.Value - segmentBytes) } : archived;

    /// <returns>the end of the segment; null for a history file, a partial segment or nothing</returns>
    public static ArchivedLog? Parse(string segment, ulong segmentBytes)
    {
        if (segment.Length != 24 || !segment.All(char.IsAsciiHexDigit)) return null;
        uint Part(int at) => uint.Parse(segment.AsSpan(at, 8), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        return new ArchivedLog((int)Part(0), new WalPosition(((ulong)Part(8) << 32) + ((Part(16) + 1UL) * segmentBytes)));
    }
}
