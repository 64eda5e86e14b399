using Npgsql;

namespace OpsConsole.Core.Drivers.Postgres.Control;

/// <summary>The segment of the log that a primary writes. A server that archives closes it when it stops, and its standbys get the unused rest
/// as well, up to a whole segment (16 MiB usually), while clients wait.</summary>
public static class LogSegment
{
    private const long Piece = 1 << 20;
    // A piece takes a little more in the log than its own length; less than this is not worth a round trip.
    private const long Little = 64 << 10;

    /// <summary>Writes the rest of the segment beforehand, in pieces that the confirming standbys hold before the next one, so that other commits
    /// never queue behind more than one. A sixteenth is left for what clients write meanwhile. Data are not changed.</summary>
    /// <param name="limit">how long to go on; a slow way to the standbys is not filled for ever</param>
    /// <returns>bytes written; 0 where nothing is archived or little is left</returns>
    public static async Task<long> FillAsync(NpgsqlConnection primary, TimeSpan limit, TimeProvider time, CancellationToken cancel)
    {
        var began = time.GetTimestamp();
        var (written, most) = (0L, long.MaxValue);
        while (written < most && time.GetElapsedTime(began) < limit)
        {
            var (size, rest) = (await primary.ListAsync("""
                SELECT size, CASE WHEN current_setting('archive_mode') = 'off' THEN 0 ELSE size - size / 16 - mod(pg_current_wal_insert_lsn() - '0/0', size)::bigint END
                FROM (SELECT pg_size_bytes(current_setting('wal_segment_size')) AS size) segment
                """, r => (r.GetInt64(0), r.GetInt64(1)), cancel))[0];
            if (rest < Little) break;
            most = size; // clients may have begun the next segment meanwhile: one is enough
            var piece = Math.Min(rest, Piece);
            await using var transaction = await primary.BeginTransactionAsync(cancel);
            await primary.ExecuteAsync($"SET LOCAL synchronous_commit = on; SELECT pg_logical_emit_message(true, 'opsconsole', repeat(' ', {piece}))", cancel);
            await transaction.CommitAsync(cancel);
            written += piece;
        }
        return written;
    }
}
