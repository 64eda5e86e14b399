using System.Threading.Channels;
using Microsoft.Extensions.Logging;
using OpsConsole.Core.Backups.Format;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Backups.Streaming;

/// <summary>One connection's worth of log streaming: reads on from where the repositories stand, and stores whole segments at once and the growing one each
/// <see cref="WalStreamOptions.PartialSeconds"/>. Reading never waits for a repository: a server that shuts down waits for its readers, and a switchover with it. When storing falls behind,
/// the connection is closed, and the slot keeps the log meanwhile.</summary>
internal sealed class WalStream(ClusterOptions cluster, IWalConnection connection, IReadOnlyList<IBackupStore> stores, KeyRing keys, WalStreamOptions options, TimeProvider time, ILogger log)
{
    private const int SegmentsAhead = 4;
    private readonly WalShipper _shipper = new(cluster.Id, keys, stores, options.Limits, time);
    private readonly Lock _gate = new();
    private readonly byte[] _segment = new byte[connection.SegmentBytes];
    private readonly int _segmentBytes = connection.SegmentBytes;
    private WalPosition _received;
    private int _timeline;

    private sealed record Whole(int Timeline, WalPosition End, byte[] Content);

    /// <summary>Called each time when more is stored.</summary>
    public required Func<int, WalPosition, Task> Stored { get; init; }

    public IReadOnlyCollection<WalCopyState> Copies => _shipper.Copies;

    /// <summary>Up to where whole segments are stored: the slots may let go of what is before.</summary>
    public WalPosition? Settled { get; private set; }

    /// <summary>Told, before anything past it is stored, which log is lost.</summary>
    public Func<MissingLog, Task>? Missed { get; init; }

    /// <summary>Returns when the server's last timeline ended, or storing fell behind; throws what went wrong.</summary>
    /// <param name="kept">from where the slot keeps the log</param>
    public async Task RunAsync(WalPosition kept, CancellationToken cancel)
    {
        var ancestry = connection.Timeline > 1 ? TimelineAncestry.Parse(connection.Timeline, await connection.HistoryAsync(connection.Timeline, cancel)) : TimelineAncestry.Of(connection.Timeline);
        var known = await _shipper.CompareAsync(_segmentBytes, ancestry, cancel);
        await HistoriesAsync(ancestry, cancel);
        var start = WalStart.After(known, SegmentStart(kept), ancestry, _segmentBytes);
        if (start.Missing is { } missing && Missed is not null) await Missed(new MissingLog(start.Timeline, missing, start.From));
        var (from, timeline) = (start.From, start.Timeline);
        while (await FollowAsync(from, timeline, ancestry.LeftAt(timeline), cancel) && timeline < connection.Timeline)
        {
            // The next timeline begins with the segment in which this one was left: its file holds the common part as well.
            from = SegmentStart(ancestry.LeftAt(timeline)!.Value);
            timeline = ancestry.Ancestors.Select(a => a.Timeline).Append(connection.Timeline).First(t => t > timeline);
        }
    }

    private async Task HistoriesAsync(TimelineAncestry ancestry, CancellationToken cancel)
    {
        foreach (var timeline in ancestry.Ancestors.Select(a => a.Timeline).Append(connection.Timeline).Where(t => t > 1))
        {
            var content = await connection.HistoryAsync(timeline, cancel);
            var own = TimelineAncestry.Parse(timeline, content);
            var missing = false;
            foreach (var store in stores)
            {
                try
                {
                    // One of a branch that nobody went on with may have the same number: it is replaced.
                    missing |= await new WalRepository(store).HistoryAsync(cluster.Id, timeline, keys, cancel) is not { } stored || !stored.Ancestors.SequenceEqual(own.Ancestors);
                }
                catch (DamagedBackupException)
                {
                    missing = true;
                }
                catch (StoreException e)
                {
                    log.WalStoreAway(cluster.Id, store.Id, e.Message); // the others get it now, this one when it catches up
                }
            }
            if (missing) await _shipper.HistoryAsync(timeline, content, cancel);
        }
    }

    /// <summary>False when storing fell behind.</summary>
    private async Task<bool> FollowAsync(WalPosition from, int timeline, WalPosition? until, CancellationToken cancel)
    {
        (_timeline, _received) = (timeline, from);
        Settled = from;
        var segments = Channel.CreateBounded<Whole>(SegmentsAhead);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var reading = ReadAsync(from, timeline, until, segments.Writer, stop.Token);
        var shipping = ShipAsync(segments.Reader, stop.Token);
        var catching = CatchUpAsync(stop.Token);
        try
        {
            // Whatever reading ends with, what it has brought is stored; when storing fails, reading on is of no use.
            if (await Task.WhenAny(reading, shipping) == shipping) await shipping;
            segments.Writer.TryComplete();
            await shipping;
            return await reading;
        }
        finally
        {
            await stop.CancelAsync();
            await Task.WhenAll(reading, shipping, catching).ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.None, TaskScheduler.Default);
        }
    }

    private async Task<bool> ReadAsync(WalPosition from, int timeline, WalPosition? until, ChannelWriter<Whole> segments, CancellationToken cancel)
    {
        await foreach (var chunk in connection.StreamAsync(from, timeline, cancel))
        {
            if (!Take(chunk, until, segments)) return false;
            if (_received >= until) return true;
        }
        return true;
    }

    private bool Take(WalChunk chunk, WalPosition? until, ChannelWriter<Whole> segments)
    {
        if (chunk.From != _received) throw new WalSourceException(WalFailure.Other, $"The log jumped from {_received} to {chunk.From}.");
        var data = until is { } end ? chunk.Data[..(int)Math.Min((ulong)chunk.Data.Length, end.Value - chunk.From.Value)] : chunk.Data;
        lock (_gate)
        {
            while (data.Length > 0)
            {
                var at = (int)(_received.Value % (ulong)_segmentBytes);
                var part = Math.Min(data.Length, _segmentBytes - at);
                data[..part].CopyTo(_segment.AsMemory(at));
                data = data[part..];
                _received = new WalPosition(_received.Value + (ulong)part);
                if (at + part == _segmentBytes && !segments.TryWrite(new Whole(_timeline, _received, [.. _segment]))) return false;
            }
        }
        return true;
    }

    private async Task ShipAsync(ChannelReader<Whole> segments, CancellationToken cancel)
    {
        var every = TimeSpan.FromSeconds(options.PartialSeconds);
        var open = true;
        while (open)
        {
            try
            {
                open = await segments.WaitToReadAsync(cancel).AsTask().WaitAsync(every, time, cancel);
            }
            catch (TimeoutException)
            {
                // Nothing whole for that long: the growing one is due.
            }
            while (segments.TryRead(out var whole)) await SegmentAsync(whole, cancel);
            await PartialAsync(cancel);
        }
    }

    private async Task SegmentAsync(Whole whole, CancellationToken cancel)
    {
        await _shipper.SegmentAsync(whole.Timeline, WalNames.FileName(whole.Timeline, (whole.End.Value / (ulong)_segmentBytes) - 1, _segmentBytes), whole.Content, whole.End, cancel);
        Settled = whole.End;
        await Stored(whole.Timeline, whole.End);
    }

    private WalPosition _partial;

    private async Task PartialAsync(CancellationToken cancel)
    {
        byte[] content;
        WalPosition end;
        lock (_gate)
        {
            end = _received;
            content = _segment.AsSpan(0, (int)(end.Value % (ulong)_segmentBytes)).ToArray();
        }
        // A whole segment that came just now is stored first: without it this piece would stand behind a gap.
        if (content.Length == 0 || end == _partial || SegmentStart(end) != Settled) return;
        await _shipper.PartialAsync(_timeline, WalNames.FileName(_timeline, end.Value / (ulong)_segmentBytes, _segmentBytes), content, end, cancel);
        _partial = end;
        await Stored(_timeline, end);
    }

    private async Task CatchUpAsync(CancellationToken cancel)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(options.PartialSeconds), time);
        while (await timer.WaitForNextTickAsync(cancel)) await _shipper.CatchUpAsync(cancel);
    }

    private WalPosition SegmentStart(WalPosition at) => new(at.Value - (at.Value % (ulong)_segmentBytes));
}
