using System.Globalization;
using OpsConsole.Core.Backups.Format;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Backups.Streaming;

/// <summary>The streamed log in one repository.</summary>
public sealed class WalRepository(IBackupStore store)
{
    // A segment is stored after the last commit in it; this covers a wrong clock.
    private static readonly TimeSpan Margin = TimeSpan.FromMinutes(10);

    /// <summary>Everything there is, by name.</summary>
    public async Task<IReadOnlyList<WalObject>> ListAsync(string cluster, int segmentBytes, CancellationToken cancel) => await store.ListAsync(WalNames.Log(cluster), cancel)
        .Select(o => WalNames.Parse(cluster, o.Name, segmentBytes, o.WrittenAt)).Where(o => o is not null).Select(o => o!).ToListAsync(cancel);

    /// <summary>What recovery from a backup to a target reads: along the newest timeline's history (or the target's), from the backup on. Log of a timeline past the point at which it was left is not among it.</summary>
    /// <exception cref="BackupEngineException">the target's timeline does not lead through the backup</exception>
    public async Task<IReadOnlyList<WalObject>> FromAsync(StreamedBackup backup, RestoreTarget target, KeyRing keys, CancellationToken cancel)
    {
        if (target.Kind == RecoveryTarget.Backup) return [];
        var all = (await ListAsync(backup.Cluster, backup.SegmentBytes, cancel)).Where(o => o.Timeline <= (target.Timeline ?? int.MaxValue)).ToList();
        var newest = Math.Max(backup.Timeline, all.Where(o => o.IsHistory).Select(o => o.Timeline).DefaultIfEmpty(0).Max());
        var history = await HistoryAsync(backup.Cluster, newest, keys, cancel) ?? TimelineAncestry.Of(newest);
        if (!history.Includes(backup.Timeline))
            throw new BackupEngineException($"The backup {backup.Label} was taken on timeline {backup.Timeline}, which timeline {newest} does not come from. Choose another backup, or name timeline {backup.Timeline} as target.") { Final = true };
        var line = all.Where(o => !o.IsHistory && o.Timeline >= backup.Timeline && o.Segment >= SegmentOf(backup) && InHistory(o, history, backup.SegmentBytes)).ToList();
        // The segment of a fork is stored for both sides; the newer one holds the common part as well.
        var segments = Newest(line.Where(o => !line.Exists(newer => newer.Segment == o.Segment && newer.Timeline > o.Timeline)));
        if (target.Time is { } time) segments = Until(segments, time + Margin);
        return [.. all.Where(o => o.IsHistory), .. segments];
    }

    private static bool InHistory(WalObject segment, TimelineAncestry history, int segmentBytes) =>
        segment.Timeline == history.Timeline || (history.LeftAt(segment.Timeline) is { } left && segment.Segment <= left.Value / (ulong)segmentBytes);

    private static ulong SegmentOf(StreamedBackup backup) => WalPosition.Parse(backup.StartLsn).Value / (ulong)backup.SegmentBytes;

    /// <summary>Per segment the whole one, else the piece that goes furthest.</summary>
    public static IReadOnlyList<WalObject> Newest(IEnumerable<WalObject> segments) => [.. segments.GroupBy(o => o.FileName)
        .Select(g => g.FirstOrDefault(o => o.UpTo is null) ?? g.MaxBy(o => o.UpTo!.Value.Value)!).OrderBy(o => o.FileName, StringComparer.Ordinal)];

    // Of each timeline up to the first segment that was stored later.
    private static IReadOnlyList<WalObject> Until(IReadOnlyList<WalObject> segments, DateTimeOffset until) => [.. segments.GroupBy(s => s.Timeline).SelectMany(line =>
    {
        var later = line.TakeWhile(s => s.WrittenAt <= until).Count();
        return line.Take(later + 1);
    })];

    /// <summary>One file as PostgreSQL's restore_command wants it; null when it is not stored.</summary>
    public async Task<byte[]?> FetchAsync(string cluster, string fileName, int segmentBytes, KeyRing keys, CancellationToken cancel)
    {
        if (fileName.EndsWith(".history", StringComparison.Ordinal)) return await TryReadAsync($"{WalNames.Log(cluster)}{fileName}{StreamNames.Suffix}", keys, cancel);
        if (fileName.Length != 24 || !int.TryParse(fileName.AsSpan(0, 8), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var timeline)) return null;
        if (await TryReadAsync(WalNames.Whole(cluster, timeline, fileName), keys, cancel) is { } whole) return whole;
        var pieces = await store.ListAsync(WalNames.Log(cluster, timeline) + fileName, cancel).Select(o => WalNames.Parse(cluster, o.Name, segmentBytes, o.WrittenAt)).Where(o => o?.UpTo is not null).ToListAsync(cancel);
        if (pieces.Count == 0 || await TryReadAsync(pieces.MaxBy(p => p!.UpTo!.Value.Value)!.Name, keys, cancel) is not { } content) return await TryReadAsync(WalNames.Whole(cluster, timeline, fileName), keys, cancel);
        Array.Resize(ref content, segmentBytes);
        return content;
    }

    public async Task<TimelineAncestry?> HistoryAsync(string cluster, int timeline, KeyRing keys, CancellationToken cancel) =>
        await TryReadAsync(WalNames.HistoryObject(cluster, timeline), keys, cancel) is { } content ? TimelineAncestry.Parse(timeline, content) : null;

    private async Task<byte[]?> TryReadAsync(string name, KeyRing keys, CancellationToken cancel)
    {
        try
        {
            return await SmallObject.ReadAsync(store, keys, name, cancel);
        }
        catch (StoreException e) when (e.Failure == StoreFailure.Missing)
        {
            return null;
        }
    }
}
