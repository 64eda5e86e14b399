using Microsoft.Extensions.Time.Testing;
using Npgsql;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Backups.Streaming;
using OpsConsole.Core.Drivers.Files;
using OpsConsole.Core.Drivers.Postgres;
using OpsConsole.Testing;

namespace OpsConsole.Core.Tests.Backups.Streaming;

/// <summary>The log of a real server on its way into repositories, and back.</summary>
public sealed class WalStreamTests
{
    private static readonly RestoreTarget Latest = new(RecoveryTarget.Latest);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Log_Streamed_RestoresToTheLastCommitAndToAMoment()
    {
        await using var database = await StreamedDatabase.MakeAsync();
        using var store = database.Store();
        await using var log = new StreamedLog(database, [store], ("east", database.Address));
        log.Start();
        var taken = await TakeAsync(database, log, store);
        await database.ExecuteAsync("INSERT INTO t VALUES (100001, 'before')");
        var moment = await MomentAsync(database);
        await database.ExecuteAsync("INSERT INTO t SELECT 200000 + g, repeat(md5(g::text), 20) FROM generate_series(1, 40000) g"); // more than a segment
        await database.ExecuteAsync("INSERT INTO t VALUES (100002, 'last')");
        await log.SettledAsync(database.Address);

        await using var newest = await RestoreAsync(database, log, store, taken, Latest);
        Assert.Equal(60002, await newest.ScalarAsync<long>("SELECT count(*) FROM t", database.Name));
        await using var earlier = await RestoreAsync(database, log, store, taken, new RestoreTarget(RecoveryTarget.Time, moment));
        Assert.Equal(20001, await earlier.ScalarAsync<long>("SELECT count(*) FROM t", database.Name));
        Assert.Equal("before", await earlier.ScalarAsync<string>("SELECT text FROM t WHERE id > 100000", database.Name));
    }

    [Fact]
    public async Task Log_AfterAPromotion_GoesOnWithoutAGapAndLeavesTheForkOut()
    {
        await using var database = await StreamedDatabase.MakeAsync();
        await using var standby = await TestReplica.CreateAsync(database.Postgres);
        using var store = database.Store();
        var west = $"127.0.0.1:{standby.Port}";
        await using var log = new StreamedLog(database, [store], ("east", database.Address), ("west", west));
        log.Start();
        var taken = await TakeAsync(database, log, store);
        await database.ExecuteAsync("INSERT INTO t VALUES (100001, 'on the old primary')");
        await log.SettledAsync(database.Address);
        await StreamedLog.UntilAsync(() => HasSlotAsync(west, log.Slot).GetAwaiter().GetResult(), () => "the standby has no slot");

        await ExecuteAsync(west, "postgres", "SELECT pg_promote()");
        log.PrimaryIn("west");
        await ExecuteAsync(west, database.Name, "INSERT INTO t VALUES (100002, 'on the new primary')");
        await database.ExecuteAsync("INSERT INTO t VALUES (666, 'past the fork')"); // an old primary that goes on
        await log.SettledAsync(west);

        Assert.Equal(2, log.State!.Timeline);
        Assert.False(log.State.Gap);
        await using var server = await RestoreAsync(database, log, store, taken, Latest);
        Assert.Equal(20002, await server.ScalarAsync<long>("SELECT count(*) FROM t", database.Name));
        Assert.Equal(0, await server.ScalarAsync<long>("SELECT count(*) FROM t WHERE text = 'past the fork'", database.Name));
    }

    [Theory]
    [InlineData(StoreFailure.Denied, false)]
    [InlineData(StoreFailure.Full, false)]
    [InlineData(StoreFailure.Silent, true)]
    public async Task Log_WithOneRepositoryAway_GoesOnAndCatchesUp(StoreFailure failure, bool silent)
    {
        await using var database = await StreamedDatabase.MakeAsync();
        using var good = database.Store("good");
        using var moody = new MoodyStore(database.Store("moody"));
        await using var log = new StreamedLog(database, [moody, good], ("east", database.Address));
        log.Start();
        await log.SettledAsync(database.Address);

        (moody.Refuses, moody.Silent) = (silent ? null : failure, silent);
        await database.ExecuteAsync("INSERT INTO t SELECT 200000 + g, repeat(md5(g::text), 20) FROM generate_series(1, 40000) g");
        await log.SettledAsync(database.Address);
        await StreamedLog.UntilAsync(() => log.State!.Copies.Any(c => c is { Repository: "moody", Failure: not null }), () => "the failure is not shown");
        Assert.Null(log.State!.Failure);
        moody.Recover();
        await database.ExecuteAsync("INSERT INTO t VALUES (1, 'again')");
        await log.SettledAsync(database.Address);

        await StreamedLog.UntilAsync(() => Segments(good, log).SequenceEqual(Segments(moody, log)), () => $"{string.Join(' ', Segments(good, log))} differs from {string.Join(' ', Segments(moody, log))}");
    }

    [Fact]
    public async Task Log_ThatNoRepositoryTakes_RaisesAnAlarmThenDropsTheSlot()
    {
        await using var database = await StreamedDatabase.MakeAsync();
        using var moody = new MoodyStore(database.Store());
        await using var log = new StreamedLog(database, [moody], ("east", database.Address));
        (log.Options.AlarmMegabytes, log.Options.DropMegabytes) = (16, 60);
        log.Start();
        await log.SettledAsync(database.Address);

        moody.Refuses = StoreFailure.Full;
        await database.ExecuteAsync("INSERT INTO t SELECT 200000 + g, repeat(md5(g::text), 20) FROM generate_series(1, 35000) g");
        await StreamedLog.UntilAsync(() => log.Alarms.Any(a => a.Title.StartsWith("Log piles up", StringComparison.Ordinal)), () => $"no alarm at {log.State!.RetainedBytes} bytes");
        await StreamedLog.UntilAsync(() => log.State!.Failure?.Contains("Free space there", StringComparison.Ordinal) == true, () => $"the failure is not shown: {log.State!.Failure}");
        await database.ExecuteAsync("CHECKPOINT"); // a new slot begins here: what is not stored before it is lost
        await database.ExecuteAsync("INSERT INTO t SELECT 200000 + g, repeat(md5(g::text), 20) FROM generate_series(1, 90000) g");

        await StreamedLog.UntilAsync(() => log.Alarms.Any(a => a.Title.Contains("slot was dropped", StringComparison.Ordinal)), () => $"not dropped at {log.State!.RetainedBytes} bytes");
        Assert.True(log.State!.Gap);
        Assert.Contains("take a full backup", log.Alarms.First(a => a.Title.Contains("slot was dropped", StringComparison.Ordinal)).Detail, StringComparison.Ordinal); // the new slot may pile up and alarm, too

        moody.Recover();
        await database.ExecuteAsync("INSERT INTO t VALUES (1, 'stored again')");
        await log.SettledAsync(database.Address);
        Assert.Contains(log.Gaps, g => g.From < g.To && g.To <= log.State.Stored);
    }

    [Fact]
    public async Task Log_WhileItsStoreIsSilent_GrowsOldUntilAnAlarmSaysWhy()
    {
        await using var database = await StreamedDatabase.MakeAsync();
        using var moody = new MoodyStore(database.Store("far"));
        await using var log = new StreamedLog(database, [moody], ("east", database.Address));
        var clock = new FakeTimeProvider(TimeProvider.System.GetUtcNow());
        var rpo = log.Watch(30, clock);
        log.Start();
        await log.SettledAsync(database.Address);

        moody.Silent = true;
        await database.ExecuteAsync("INSERT INTO t VALUES (1, 'not stored')");
        await StreamedLog.UntilAsync(() => log.State!.Failure is not null, () => "the silence is not shown");
        log.Show("east", log.State!.StoredAt); // the newest moment that is stored stays where it is
        clock.SetUtcNow(log.State.StoredAt!.Value.AddSeconds(29));
        rpo.Watch(log.Cluster.Id);
        Assert.False(rpo.Of(log.Cluster.Id).Over);
        Assert.Empty(log.Alarms);
        clock.Advance(TimeSpan.FromSeconds(2));
        rpo.Watch(log.Cluster.Id);
        clock.Advance(TimeSpan.FromSeconds(2));
        rpo.Watch(log.Cluster.Id);

        Assert.Equal(33, rpo.Of(log.Cluster.Id).Seconds);
        var alarm = Assert.Single(log.Alarms);
        Assert.Equal(RestorableRpo.AlarmKind, alarm.Kind);
        Assert.Contains("far: ", alarm.Detail, StringComparison.Ordinal);
        Assert.Contains("check its load and the network", alarm.Detail, StringComparison.Ordinal);

        moody.Recover();
        await database.ExecuteAsync("INSERT INTO t VALUES (1, 'stored')");
        await log.SettledAsync(database.Address);
        log.Show("east", clock.GetUtcNow());
        rpo.Watch(log.Cluster.Id);
        Assert.Equal(new RestorableReading(clock.GetUtcNow(), 0, 30, ""), rpo.Of(log.Cluster.Id));
        clock.Advance(TimeSpan.FromSeconds(31));
        rpo.Watch(log.Cluster.Id);
        Assert.Equal(2, log.Alarms.Count); // over the limit again is news again
    }

    [Fact]
    public async Task Log_OfAStoppedConsole_GoesOnWhereItStood()
    {
        await using var database = await StreamedDatabase.MakeAsync();
        using var store = database.Store();
        await using var log = new StreamedLog(database, [store], ("east", database.Address));
        log.Start();
        var taken = await TakeAsync(database, log, store);
        await log.SettledAsync(database.Address);
        await log.StopAsync();
        await database.ExecuteAsync("INSERT INTO t SELECT 200000 + g, repeat(md5(g::text), 20) FROM generate_series(1, 60000) g");

        await using var again = log.Again(database, [store]);
        again.Start();
        await again.SettledAsync(database.Address);

        Assert.False(again.State!.Gap);
        await using var server = await RestoreAsync(database, again, store, taken, Latest);
        Assert.Equal(80000, await server.ScalarAsync<long>("SELECT count(*) FROM t", database.Name));
    }

    private static async Task<StreamedBackup> TakeAsync(StreamedDatabase database, StreamedLog log, IBackupStore store)
    {
        await log.SettledAsync(database.Address);
        var taker = new StreamTaker(new BaseBackupSource(TimeProvider.System), FanOutLimits.Usual, TimeProvider.System);
        return (await taker.TakeAsync(database.Order() with { Cluster = log.Cluster }, database.Keys, [store], (_, _) => Task.CompletedTask, Cancel)).Backup;
    }

    private static async Task<TestInstance> RestoreAsync(StreamedDatabase database, StreamedLog log, IBackupStore store, StreamedBackup backup, RestoreTarget target)
    {
        var directory = database.NewDirectory();
        await using var sink = DirectorySink.Make(directory);
        await new StreamRestorer(store, database.Keys).RestoreAsync(new StreamRestore(log.Cluster.Id, backup.Label, target) { DataDirectory = directory }, sink, (_, _) => Task.CompletedTask, Cancel);
        return await TestInstance.StartAsync(directory);
    }

    private static List<string> Segments(IBackupStore store, StreamedLog log) => store.ListAsync(WalNames.Log(log.Cluster.Id), Cancel).Where(o => !o.Name.Contains(".part.", StringComparison.Ordinal)).Select(o => o.Name).ToBlockingEnumerable(Cancel).ToList();

    private static async Task<DateTimeOffset> MomentAsync(StreamedDatabase database)
    {
        await using var connection = new NpgsqlConnection(database.Postgres.ConnectionString(database.Name));
        await connection.OpenAsync(Cancel);
        await using var command = new NpgsqlCommand("SELECT clock_timestamp()", connection);
        return new DateTimeOffset((DateTime)(await command.ExecuteScalarAsync(Cancel))!);
    }

    private static async Task<bool> HasSlotAsync(string address, string slot) => await ScalarAsync<long>(address, "postgres", $"SELECT count(*) FROM pg_replication_slots WHERE slot_name = '{slot}'") == 1;

    private static Task ExecuteAsync(string address, string database, string sql) => ScalarAsync<object?>(address, database, sql);

    private static async Task<T> ScalarAsync<T>(string address, string database, string sql)
    {
        var at = Core.Fleet.HostPort.Parse(address);
        await using var connection = new NpgsqlConnection($"Host={at.Host};Port={at.Port};Username=postgres;Database={database};Pooling=false");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return (T)(await command.ExecuteScalarAsync())!;
    }
}
