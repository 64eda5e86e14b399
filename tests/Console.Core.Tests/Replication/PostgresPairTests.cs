using Microsoft.Extensions.Options;
using Npgsql;
using OpsConsole.Core.Drivers.Postgres;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Replication;
using OpsConsole.Testing;

namespace OpsConsole.Core.Tests.Replication;

/// <summary>A real primary and its streaming standby, with a database of their own.</summary>
public sealed class PostgresPair : IAsyncLifetime
{
    internal TestPostgres Primary { get; private set; } = null!;
    internal TestReplica Replica { get; private set; } = null!;
    internal ClusterOptions Cluster { get; private set; } = null!;

    public async ValueTask InitializeAsync()
    {
        Primary = await TestPostgres.SharedAsync();
        var database = $"pair_{Guid.NewGuid():N}"[..20];
        await Primary.ExecuteAsync($"CREATE DATABASE {database}");
        Replica = await TestReplica.CreateAsync(Primary);
        Cluster = new ClusterOptions
        {
            Id = "orders", Database = database, Username = "postgres", PrimaryRegion = "a", WriteEndpoint = $"127.0.0.1:{Primary.Port}",
            Nodes = [new() { Region = "a", Address = $"127.0.0.1:{Primary.Port}" }, new() { Region = "b", Address = $"127.0.0.1:{Replica.Port}", ApplicationName = Replica.Name }],
        };
    }

    public async ValueTask DisposeAsync()
    {
        await Replica.DisposeAsync();
        await Primary.ExecuteAsync($"DROP DATABASE {Cluster.Database} WITH (FORCE)");
    }
}

/// <summary>The driver against the pair.</summary>
public sealed class PostgresPairTests(PostgresPair pair) : IClassFixture<PostgresPair>
{
    private readonly TestPostgres _postgres = pair.Primary;
    private readonly TestReplica _replica = pair.Replica;
    private readonly ClusterOptions _cluster = pair.Cluster;
    private readonly PostgresReplicationDriver _driver = new(Options.Create(new ReplicationOptions { TimeoutSeconds = 30 }), TimeProvider.System);

    [Fact]
    public async Task Observe_Primary_SeesItsStandbyAndSlot()
    {
        await using var observer = _driver.Observe(_cluster, _cluster.Nodes[0]);

        var seen = await observer.ObserveAsync(TestContext.Current.CancellationToken);

        Assert.False(seen.InRecovery);
        Assert.Equal(1, seen.Timeline);
        Assert.NotNull(seen.Current);
        var sender = Assert.Single(seen.Senders, s => s.ApplicationName == _replica.Name);
        Assert.Equal("async", sender.Sync);
        var slot = Assert.Single(seen.Slots, s => s.Name == _replica.Name);
        Assert.True(slot.Active);
        Assert.NotNull(slot.RetainedBytes);
    }

    [Fact]
    public async Task Observe_Standby_SeesItsReceiver()
    {
        await using var observer = _driver.Observe(_cluster, _cluster.Nodes[1]);

        var seen = await observer.ObserveAsync(TestContext.Current.CancellationToken);

        Assert.True(seen.InRecovery);
        Assert.Null(seen.Current);
        Assert.NotNull(seen.Replayed);
        Assert.Equal("streaming", seen.Receiver!.Status);
        Assert.Equal(_replica.Name, seen.Receiver.Slot);
        Assert.NotNull(seen.Receiver.LastMessageAt);
    }

    [Fact]
    public async Task Observe_NodeCrashedAndBack_ThrowsThenAnswersAgain()
    {
        await using var observer = _driver.Observe(_cluster, _cluster.Nodes[1]);
        await observer.ObserveAsync(TestContext.Current.CancellationToken);

        await _replica.CrashAsync();
        await Assert.ThrowsAsync<NodeUnavailableException>(() => observer.ObserveAsync(TestContext.Current.CancellationToken));
        var refused = await Assert.ThrowsAsync<NodeUnavailableException>(() => observer.ObserveAsync(TestContext.Current.CancellationToken));
        Assert.Contains("refuses the connection", refused.Message);

        await _replica.StartAsync();
        Assert.True((await observer.ObserveAsync(TestContext.Current.CancellationToken)).InRecovery);
    }

    [Fact]
    public async Task Heartbeat_FirstUse_MakesTheTableAndReachesTheStandby()
    {
        await _postgres.ExecuteAsync("DROP SCHEMA IF EXISTS opsconsole CASCADE", _cluster.Database);
        await using var channel = _driver.Heartbeats(_cluster);
        await using var standby = _driver.Observe(_cluster, _cluster.Nodes[1]);
        var beat = new Heartbeat(Guid.NewGuid(), 1, new DateTimeOffset(2026, 5, 1, 1, 2, 3, TimeSpan.Zero));

        var answer = await channel.WriteAsync(beat, TestContext.Current.CancellationToken);
        await ReplayedAsync();

        Assert.Equal(new HeartbeatAnswer(true, null), answer);
        await standby.ObserveAsync(TestContext.Current.CancellationToken); // finds the table
        var held = (await standby.ObserveAsync(TestContext.Current.CancellationToken)).Heartbeat!;
        Assert.Equal((beat.Writer, beat.Sequence, beat.At), (held.Writer, held.Sequence, held.At));
    }

    [Fact]
    public async Task Heartbeat_WaitForStandbyIsCancelled_IsNotAcknowledged()
    {
        await using var channel = _driver.Heartbeats(_cluster);
        await channel.WriteAsync(new Heartbeat(Guid.NewGuid(), 1, DateTimeOffset.UnixEpoch), TestContext.Current.CancellationToken);
        // Only for this database, so that other tests' commits do not wait.
        await _postgres.ExecuteAsync("ALTER SYSTEM SET synchronous_standby_names = 'nobody_at_all'");
        await _postgres.ExecuteAsync($"ALTER DATABASE {_cluster.Database} SET synchronous_commit = on");
        await _postgres.ExecuteAsync("SELECT pg_reload_conf()");
        try
        {
            await using var fresh = _driver.Heartbeats(_cluster);
            var waiting = fresh.WriteAsync(new Heartbeat(Guid.NewGuid(), 2, DateTimeOffset.UnixEpoch), TestContext.Current.CancellationToken);
            await CancelTheWaitAsync();

            var answer = await waiting;

            Assert.False(answer.Acknowledged);
            Assert.NotNull(answer.Warning);
        }
        finally
        {
            await _postgres.ExecuteAsync("ALTER SYSTEM RESET synchronous_standby_names");
            await _postgres.ExecuteAsync("SELECT pg_reload_conf()");
        }
    }

    [Fact]
    public async Task Heartbeat_NobodyListens_ThrowsUnavailable()
    {
        await using var channel = _driver.Heartbeats(new ClusterOptions { Id = "x", Database = "x", Username = "x", WriteEndpoint = "127.0.0.1:9" });

        await Assert.ThrowsAsync<NodeUnavailableException>(() => channel.WriteAsync(new Heartbeat(Guid.NewGuid(), 1, DateTimeOffset.UnixEpoch), TestContext.Current.CancellationToken));
    }

    private async Task ReplayedAsync()
    {
        await using var primary = await OpenAsync(_postgres.Port, "postgres");
        await using var position = new NpgsqlCommand("SELECT pg_current_wal_insert_lsn()::text", primary);
        var target = (string)(await position.ExecuteScalarAsync())!;
        await using var standby = await OpenAsync(_replica.Port, "postgres");
        for (var replayed = false; !replayed;)
        {
            await using var check = new NpgsqlCommand($"SELECT pg_last_wal_replay_lsn() >= '{target}'::pg_lsn FROM pg_sleep(0.02)", standby);
            replayed = (bool)(await check.ExecuteScalarAsync())!;
        }
    }

    private async Task CancelTheWaitAsync()
    {
        await using var connection = await OpenAsync(_postgres.Port, "postgres");
        for (var cancelled = 0; cancelled == 0;)
        {
            await using var cancel = new NpgsqlCommand($"SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity, pg_sleep(0.02) WHERE datname = '{_cluster.Database}' AND wait_event = 'SyncRep'", connection);
            cancelled = (int)(long)(await cancel.ExecuteScalarAsync())!;
        }
    }

    private static async Task<NpgsqlConnection> OpenAsync(int port, string database)
    {
        var connection = new NpgsqlConnection($"Host=127.0.0.1;Port={port};Database={database};Username=postgres;Pooling=false");
        await connection.OpenAsync();
        return connection;
    }
}
