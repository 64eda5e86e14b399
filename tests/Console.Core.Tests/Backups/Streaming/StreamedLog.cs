using System.Collections.Immutable;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Format;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Backups.Streaming;
using OpsConsole.Core.Drivers.Aws;
using OpsConsole.Core.Drivers.Postgres;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Tests.Backups.Streaming;

/// <summary>The log of the test process's PostgreSQL, streamed for real into stores of the test's choice.</summary>
public sealed class StreamedLog : IAsyncDisposable
{
    private readonly CancellationTokenSource _stop = new();
    private readonly Feed _feed = new();
    private readonly WalStreamStates _states = new();
    private readonly FleetOptions _fleet;
    private readonly Sink _sink = new();
    private readonly GapList _gaps = new();
    private readonly Dictionary<string, IBackupStore> _stores;
    private Task _running = Task.CompletedTask;

    /// <param name="nodes">region to address; the first is the primary</param>
    public StreamedLog(StreamedDatabase database, IReadOnlyList<IBackupStore> stores, params (string Region, string Address)[] nodes)
        // A name of its own: the slots of several tests live in one server.
        : this(database, stores, nodes, "c" + Guid.NewGuid().ToString("N")[..8])
    {
    }

    private StreamedLog(StreamedDatabase database, IReadOnlyList<IBackupStore> stores, (string Region, string Address)[] nodes, string cluster)
    {
        _stores = stores.ToDictionary(s => s.Id);
        Cluster = new ClusterOptions
        {
            Id = cluster, Username = "postgres", Database = "postgres", PrimaryRegion = nodes[0].Region,
            Nodes = [.. nodes.Select(n => new ClusterNodeOptions { Region = n.Region, Service = n.Region, Address = n.Address })],
        };
        _fleet = new FleetOptions
        {
            Regions = [.. nodes.Select(n => new RegionOptions { Id = n.Region })],
            Clusters = [Cluster],
            BackupRepositories = [.. stores.Select(s => new BackupRepositoryOptions { Id = s.Id, Region = nodes[0].Region, Streaming = true })],
            BackupKeys = [new BackupKeyOptions { Id = "k1", Key = database.Keys.Current.ToBase64() }],
        };
        PrimaryIn(nodes[0].Region);
    }

    public ClusterOptions Cluster { get; }
    public WalStreamOptions Options { get; } = new() { PartialSeconds = 0.5, StoreSeconds = 2 };
    public string Slot => WalSlotNames.Of(Cluster.Id);
    public IReadOnlyCollection<Alarm> Alarms => [.. _sink.Raised];
    public IReadOnlyCollection<MissingLog> Gaps => [.. _gaps.Recorded];
    public WalStreamState? State => _states.Of(Cluster.Id);

    public void PrimaryIn(string region) => Show(region, null);

    /// <summary>What the picture shows of the cluster.</summary>
    /// <param name="restorable">the newest restorable moment</param>
    public void Show(string region, DateTimeOffset? restorable) => _feed.Current = FleetSnapshot.Empty with
    {
        Clusters = ImmutableSortedDictionary<string, ClusterState>.Empty.Add(Cluster.Id, new ClusterState(Cluster.Id, HealthStatus.Healthy, region, 1, true, null, null, null, null, "", restorable, [], [], [], "", 1)),
    };

    /// <summary>Holds the age of the newest restorable moment against a limit; its alarms are among <see cref="Alarms"/>.</summary>
    public RestorableRpo Watch(double limitSeconds, TimeProvider time) =>
        new(new FleetModel(_fleet), new BackupsOptions { Policies = [new() { Cluster = Cluster.Id, RestorableWithinSeconds = limitSeconds }] }, _states, _feed, [_sink], time);

    public void Start()
    {
        var model = new FleetModel(_fleet);
        var streamer = new WalStreamer(
            model, _feed, new Repositories(model, (r, _) => _stores[r.Id]), new DeclaredKeys(model, new KmsKeys()), new WalSource(), new WalSlots(), _states, Options, _gaps, [_sink], TimeProvider.System, NullLogger<WalStreamer>.Instance);
        _running = streamer.RunAsync(_stop.Token);
    }

    /// <summary>Another console's stream of the same cluster.</summary>
    public StreamedLog Again(StreamedDatabase database, IReadOnlyList<IBackupStore> stores) =>
        new(database, stores, [.. Cluster.Nodes.Select(n => (n.Region, n.Address))], Cluster.Id);

    public async Task StopAsync()
    {
        await _stop.CancelAsync();
        await _running.ContinueWith(_ => { }, TaskScheduler.Default);
    }

    /// <summary>Waits until everything that the node has written by now is stored.</summary>
    public async Task SettledAsync(string address)
    {
        var at = HostPort.Parse(address);
        await using var connection = new NpgsqlConnection($"Host={at.Host};Port={at.Port};Username=postgres;Database=postgres;Pooling=false");
        await connection.OpenAsync();
        // The server does not wait for its disk: a commit that does brings all before it there.
        await using (var flush = new NpgsqlCommand("SET synchronous_commit = on", connection)) await flush.ExecuteNonQueryAsync();
        await using (var flush = new NpgsqlCommand("SELECT pg_logical_emit_message(true, 'test', '')", connection)) await flush.ExecuteNonQueryAsync();
        await using var command = new NpgsqlCommand("SELECT substr(pg_walfile_name(pg_current_wal_flush_lsn()), 1, 8) || ' ' || pg_current_wal_flush_lsn()", connection);
        var answer = ((string)(await command.ExecuteScalarAsync())!).Split(' ');
        var (timeline, upTo) = (Convert.ToInt32(answer[0], 16), WalPosition.Parse(answer[1]));
        // After a promotion an older timeline may have been stored further than that: it says nothing of this one.
        await UntilAsync(() => (State?.Timeline >= timeline && State?.Stored >= upTo) || _running.IsCompleted, () => $"stored up to {State?.Stored} of timeline {State?.Timeline}, not {upTo} of {timeline}: {State?.Failure}");
        if (_running.IsCompleted) await _running;
    }

    public static async Task UntilAsync(Func<bool> holds, Func<string> otherwise)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        using var timer = new PeriodicTimer(TimeSpan.FromMilliseconds(50));
        while (!holds())
        {
            if (patience.IsCancellationRequested) Assert.Fail(otherwise());
            await timer.WaitForNextTickAsync();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        foreach (var node in Cluster.Nodes)
        {
            try
            {
                await new WalSlots().DropAsync(Cluster, node.Address, Slot, default);
            }
            catch (WalSourceException)
            {
                continue; // the test has ended that server
            }
        }
        _stop.Dispose();
    }

    private sealed class Feed : IFleetFeed
    {
        public FleetSnapshot Current { get; set; } = FleetSnapshot.Empty;
        public FleetSubscription Subscribe() => throw new InvalidOperationException("Nothing here subscribes.");
    }

    private sealed class GapList : ILogGaps
    {
        public System.Collections.Concurrent.ConcurrentQueue<MissingLog> Recorded { get; } = [];

        public Task<bool> RecordAsync(string cluster, string engine, MissingLog missing, CancellationToken cancel)
        {
            Recorded.Enqueue(missing);
            return Task.FromResult(true);
        }
    }

    private sealed class Sink : IAlarmSink
    {
        public System.Collections.Concurrent.ConcurrentQueue<Alarm> Raised { get; } = [];
        public void Raise(Alarm alarm) => Raised.Enqueue(alarm);
    }
}
