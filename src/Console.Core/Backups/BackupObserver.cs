using System.Collections.Concurrent;
using System.Net.Sockets;
using Microsoft.Extensions.Logging;
using Npgsql;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Backups;

/// <summary>Watches up to where each cluster can be restored: notes the primary's position, asks the engines what is stored, follows timelines, and
/// shows the newest restorable moment in the picture.</summary>
public sealed class BackupObserver(FleetModel fleet, BackupsOptions options, BackupEngineRegistry engines, RestorableMoments moments, BackupCatalogue catalogue,
    IHostShell shell, IFleetFeed feed, IFleetReducer reducer, BackupMetrics metrics, RestorableRpo rpo, ILogGaps gaps, TimeProvider time, ILogger<BackupObserver> log) : IObserver
{
    private readonly Dictionary<string, int> _timelines = [];
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan GapsEvery = TimeSpan.FromMinutes(1);
    private readonly ConcurrentDictionary<string, string> _silent = [];

    public string Name => "backups";

    public async Task RunAsync(CancellationToken cancel)
    {
        var clusters = fleet.Clusters.Values.Where(c => engines.Of(c.Id).Any()).ToList();
        await Task.WhenAll(WatchAsync(clusters, cancel), WatchGapsAsync(clusters, cancel));
    }

    private async Task WatchAsync(IReadOnlyList<ClusterOptions> clusters, CancellationToken cancel)
    {
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(options.WatchSeconds), time);
        var rounds = 0;
        while (await timer.WaitForNextTickAsync(cancel))
        {
            foreach (var cluster in clusters) await LookAsync(cluster, cancel);
            if (rounds++ % 30 == 0) metrics.Show(await FiguresAsync(clusters, cancel));
            if (rounds % 3600 == 0) await moments.TrimAsync(cancel);
        }
    }

    private async Task LookAsync(ClusterOptions cluster, CancellationToken cancel)
    {
        if (feed.Current.Clusters.GetValueOrDefault(cluster.Id)?.PrimaryRegion is { } region)
        {
            await TryAsync(cluster.Id, limit => PrimaryAsync(cluster, region, limit), cancel);
            // Each by itself: one that cannot be asked does not hide what another has stored.
            foreach (var engine in engines.Of(cluster.Id).Where(e => e.Capabilities.PointInTime))
                await TryAsync($"{cluster.Id} {engine.Id}", async limit =>
                {
                    if (await engine.ArchivedAsync(cluster.Id, limit) is { } stored) await moments.ArchivedAsync(cluster.Id, engine.Id, stored.Timeline, stored.Position, limit);
                }, cancel);
        }
        var range = await catalogue.RangeAsync(cluster.Id, cancel);
        var newest = range?.To;
        reducer.Cluster(cluster.Id, state => state with { NewestRestorableAt = newest });
        metrics.Show(cluster.Id, newest, rpo.Of(cluster.Id).LimitSeconds);
        rpo.Watch(cluster.Id, range?.Gaps.LastOrDefault(g => g.Ends is null));
    }

    /// <summary>What a tool gave up. Hosts are asked for it, which may take its time: beside the looks, and seldom.</summary>
    private async Task WatchGapsAsync(IReadOnlyList<ClusterOptions> clusters, CancellationToken cancel)
    {
        using var timer = new PeriodicTimer(GapsEvery, time);
        do
        {
            foreach (var cluster in clusters.Where(c => feed.Current.Clusters.GetValueOrDefault(c.Id)?.PrimaryRegion is not null))
            {
                foreach (var engine in engines.Of(cluster.Id))
                    await TryAsync($"{cluster.Id} {engine.Id} gaps", async limit =>
                    {
                        foreach (var missing in await engine.MissingAsync(cluster.Id, limit)) await gaps.RecordAsync(cluster.Id, engine.Id, missing, limit);
                    }, cancel);
            }
        }
        while (await timer.WaitForNextTickAsync(cancel));
    }

    /// <summary>What is out of reach is said once for each reason: the picture shows the age.</summary>
    private async Task TryAsync(string what, Func<CancellationToken, Task> look, CancellationToken cancel)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        limit.CancelAfter(Limit);
        try
        {
            await look(limit.Token);
            _silent.TryRemove(what, out _);
        }
        catch (Exception e) when (IsOutOfReach(e, cancel))
        {
            if (!_silent.TryGetValue(what, out var before) || before != e.Message) BackupsLog.NotWatched(log, what, e.Message);
            _silent[what] = e.Message;
        }
    }

    private async Task PrimaryAsync(ClusterOptions cluster, string region, CancellationToken cancel)
    {
        await using var node = await NodeConnection.OpenAsync(cluster, cluster.Nodes.First(n => n.Region == region), "opsconsole backups", cancel);
        if (await Promotion.InRecoveryAsync(node, cancel)) return;
        // The moment is taken before the position: the position is then at least that of the moment.
        var (at, position, timeline) = (await node.ListAsync("SELECT clock_timestamp(), pg_current_wal_insert_lsn()::text, ('x' || substr(pg_walfile_name(pg_current_wal_lsn()), 1, 8))::bit(32)::int",
            r => (r.GetFieldValue<DateTimeOffset>(0), r.GetString(1), r.GetInt32(2)), cancel)).Single();
        if (_timelines.TryGetValue(cluster.Id, out var known) && known == timeline)
        {
            await moments.MarkAsync(cluster.Id, at, timeline, WalPosition.Parse(position), cancel);
            return;
        }
        await FollowAsync(cluster, region, node, timeline, cancel);
        await moments.MarkAsync(cluster.Id, at, timeline, WalPosition.Parse(position), cancel);
        _timelines[cluster.Id] = timeline;
    }

    /// <summary>A new timeline: where the earlier ones ended is noted, and what the old primary may not have brought away is brought by the new one.</summary>
    private async Task FollowAsync(ClusterOptions cluster, string region, NpgsqlConnection node, int timeline, CancellationToken cancel)
    {
        var history = timeline == 1 ? "" : await node.ScalarAsync<string>($"SELECT pg_read_file('pg_wal/{timeline:X8}.history')", cancel) ?? "";
        await moments.HistoryAsync(cluster.Id, timeline, TimelineHistory.Parse(history), cancel);
        if (timeline == 1 || !shell.Offers(region, "wal.again")) return;
        await shell.RequireAsync(region, "wal.again", new Dictionary<string, string>(), null, cancel);
        BackupsLog.TimelineChanged(log, cluster.Id, timeline, region);
    }

    private async Task<BackupFigures> FiguresAsync(IEnumerable<ClusterOptions> clusters, CancellationToken cancel)
    {
        var backups = await catalogue.ListAsync(limit: 100_000, cancel: cancel);
        var sizes = backups.SelectMany(b => b.Copies.Where(c => c.State != CopyState.Failed).Select(c => (b.Type, c.Region, c.StoredBytes)))
            .GroupBy(c => (c.Type, c.Region)).Select(g => new StoredFigures(g.Key.Type.ToString().ToLowerInvariant(), g.Key.Region, g.Sum(c => c.StoredBytes)));
        return new BackupFigures([.. sizes], [.. clusters.Select(c => new ClusterFigures(c.Id, backups.Where(b => b.Cluster == c.Id && b.IsUsable).Max(b => b.ProvenAt)))]);
    }

    private static bool IsOutOfReach(Exception e, CancellationToken cancel) =>
        e is NpgsqlException or SocketException or IOException or TimeoutException or HostShellException or BackupEngineException || (e is OperationCanceledException && !cancel.IsCancellationRequested);
}
