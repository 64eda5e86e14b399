using Microsoft.Extensions.Time.Testing;
using Npgsql;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Replication;
using OpsConsole.Core.Tests.Operations;
using OpsConsole.Testing;

namespace OpsConsole.Core.Tests.Backups;

public sealed class CatalogueTests : IAsyncLifetime
{
    private static readonly Dictionary<string, string> Regions = new() { ["near"] = "us-east-1", ["far"] = "us-west-2" };
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero));
    private readonly FakeAudit _audit = new();
    private TestDatabase _database = null!;
    private RestorableMoments _moments = null!;
    private BackupCatalogue _catalogue = null!;
    private BackupRecords _records = null!;

    public async ValueTask InitializeAsync()
    {
        _database = await TestDatabase.CreateAsync(OperationsDb.ConsoleSchema, BackupsDb.ConsoleSchema);
        _moments = new RestorableMoments(_database.Console, new BackupsOptions(), _clock);
        _catalogue = new BackupCatalogue(_database.Console, _moments, _clock);
        _records = new BackupRecords(_database.Console, _audit, _clock);
    }

    public ValueTask DisposeAsync() => _database.DisposeAsync();

    [Fact]
    public async Task Enter_SameOperationTwice_IsOneBackup()
    {
        var operation = Guid.NewGuid();

        var first = await EnterAsync(operation: operation);
        var second = await EnterAsync(operation: operation);

        Assert.Equal(first, second);
        Assert.Single(await _catalogue.ListAsync("orders"));
        Assert.Single(_audit.Entries, e => e.Action == "backup.taken");
    }

    [Fact]
    public async Task Life_OfAGoodBackup_GoesFromCopiedToProvenWithALineAndAnAuditEntryEach()
    {
        var id = await EnterAsync();
        Assert.Equal(BackupState.Copied, (await _catalogue.FindAsync(id))!.State);
        Assert.Null(await _catalogue.NewestProvenAsync("orders"));

        await _records.CheckedAsync(id, [new("near", true, "964 files"), new("far", true, "964 files")], "system", default);
        await _records.ProvenAsync(id, 7.5, "3 queries", "system", default);

        var proven = await _catalogue.NewestProvenAsync("orders");
        Assert.Equal((id, 7.5), (proven!.Id, proven.RestoreSeconds));
        Assert.Equal(["us-east-1", "us-west-2"], proven.Regions.Order());
        Assert.Equal(["taken", "verified", "proven"], (await _catalogue.LifeAsync(id)).Select(c => c.What));
        Assert.Equal(["backup.taken", "backup.verified", "backup.proven"], _audit.Entries.Select(e => e.Action));
    }

    [Fact]
    public async Task NewestProven_ProofOlderThanSevenDays_IsNone()
    {
        var id = await EnterAsync();
        await _records.CheckedAsync(id, [new("near", true, ""), new("far", true, "")], "system", default);
        await _records.ProvenAsync(id, 7, "", "system", default);

        _clock.Advance(TimeSpan.FromDays(7) + TimeSpan.FromSeconds(1));

        Assert.Null(await _catalogue.NewestProvenAsync("orders"));
        Assert.False((await _catalogue.FindAsync(id))!.IsProven(_clock.GetUtcNow()));
    }

    [Fact]
    public async Task Checked_OneCopyCorrupt_ShowsTheCopyAndIsNotVerified()
    {
        var id = await EnterAsync();

        var backup = await _records.CheckedAsync(id, [new("near", true, "fine"), new("far", false, "1 file with a wrong checksum")], "system", default);

        Assert.Equal(BackupState.Taken, backup.State);
        Assert.Equal(CopyState.Failed, backup.Copies.Single(c => c.Repository == "far").State);
        Assert.Equal(BackupState.Failed, (await _records.CheckedAsync(id, [new("near", false, "gone"), new("far", false, "gone")], "system", default)).State);
    }

    [Fact]
    public async Task Checked_EveryCopyThatWasMadeIsRight_MayBeProvenThoughOneWasNotMade()
    {
        var id = await _records.EnterAsync("orders", "streaming", Guid.NewGuid(), new TakenBackup(BackupType.Full, _clock.GetUtcNow(), _clock.GetUtcNow(), 1000, null, "0/1", 1,
            [new("near", "L1", 300), new("far", "", 0, "the store is full")]), Regions, "system", default);
        Assert.Equal(BackupState.Taken, (await _catalogue.FindAsync(id))!.State);

        await _records.CheckedAsync(id, [new("near", true, "fine")], "system", default);
        var proven = await _records.ProvenAsync(id, 7, "", "system", default);

        Assert.Equal((BackupState.Proven, 300L), (proven.State, proven.StoredBytes));
    }

    [Fact]
    public async Task StoredBytes_CopiesThatFailed_AreNotCounted()
    {
        var id = await EnterAsync();

        var backup = await _records.CheckedAsync(id, [new("near", true, ""), new("far", false, "damaged")], "system", default);

        Assert.Equal(300, backup.StoredBytes);
    }

    [Fact]
    public async Task Failed_TheBaseOfAChain_NothingOnItIsUsableUntilItIsVerifiedAgain()
    {
        var full = await EnterAsync();
        _clock.Advance(TimeSpan.FromHours(1));
        var first = await EnterAsync(BackupType.Incremental, needs: "L1", label: "I1");
        _clock.Advance(TimeSpan.FromHours(1));
        var second = await EnterAsync(BackupType.Incremental, needs: "I1", label: "I2");
        await _records.CheckedAsync(second, [new("near", true, ""), new("far", true, "")], "system", default);
        await _records.ProvenAsync(second, 7, "", "system", default);
        Assert.Equal(second, (await _catalogue.NewestProvenAsync("orders"))!.Id);

        await _records.FailedAsync(full, "damaged", "system", default);

        var needing = (await _catalogue.FindAsync(second))!;
        Assert.Equal((false, (Guid?)full, BackupState.Failed), (needing.IsUsable, needing.FailedBaseId, needing.Shown));
        Assert.StartsWith("Its base failed", needing.Failure, StringComparison.Ordinal);
        Assert.False(needing.IsProven(_clock.GetUtcNow()));
        Assert.Null(await _catalogue.NewestProvenAsync("orders"));
        Assert.Null(await _catalogue.NewestVerifiedAsync("orders"));
        Assert.Null(await _catalogue.RangeAsync("orders"));

        await _records.CheckedAsync(full, [new("near", true, ""), new("far", true, "")], "system", default);
        Assert.True((await _catalogue.FindAsync(first))!.IsUsable);
        Assert.Equal(second, (await _catalogue.NewestProvenAsync("orders"))!.Id);
    }

    [Fact]
    public async Task Trim_MarksOlderThanAnHour_OneAMinuteStaysAndTheEndsOfTimelines()
    {
        await EnterAsync();
        var start = new DateTimeOffset(2026, 3, 1, 12, 0, 0, TimeSpan.Zero);
        for (var i = 0; i < 180; i++) await MarkAsync(start.AddSeconds(i), i < 100 ? 1 : 2, (ulong)i * 0x10);
        await _moments.HistoryAsync("orders", 2, [(1, new WalPosition(90 * 0x10))], default);
        await _moments.ArchivedAsync("orders", "pgbackrest", 2, new WalPosition(0x10000), default);
        var fork = Assert.Single((await _catalogue.RangeAsync("orders"))!.Forks);
        _clock.Advance(TimeSpan.FromMinutes(90));
        await MarkAsync(_clock.GetUtcNow(), 2, 0x10000);
        await MarkAsync(_clock.GetUtcNow().AddSeconds(1), 2, 0x10010);

        await _moments.TrimAsync(default);

        var range = (await _catalogue.RangeAsync("orders"))!;
        Assert.Equal(fork, Assert.Single(range.Forks));
        Assert.Equal(_clock.GetUtcNow(), range.To);
        await using var connection = await _database.Console.App.OpenConnectionAsync();
        await using var command = new NpgsqlCommand("SELECT string_agg(extract(epoch FROM at - '2026-03-01T12:00:00Z')::int::text, ' ' ORDER BY at) FROM backups.mark", connection);
        Assert.Equal("0 59 90 99 100 119 179 5400 5401", await command.ExecuteScalarAsync());
    }

    [Fact]
    public async Task Newest_ManyMarks_AreReadFromTheNewestOnByAnIndex()
    {
        await using var connection = await _database.Console.App.OpenConnectionAsync();
        await using (var fill = new NpgsqlCommand("INSERT INTO backups.mark SELECT 'orders', '2026-02-28T12:00:00Z'::timestamptz + i * interval '1 s', 1, '0/0'::pg_lsn + i FROM generate_series(1, 80000) i; INSERT INTO backups.archived VALUES ('orders', 'pgbackrest', 1, '0/100000', now())", connection)) await fill.ExecuteNonQueryAsync();

        await using var explain = new NpgsqlCommand($"EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF) {RestorableMoments.NewestSql.Replace("@cluster", "'orders'", StringComparison.Ordinal)}", connection);
        var plan = new List<string>();
        await using (var reader = await explain.ExecuteReaderAsync())
            while (await reader.ReadAsync()) plan.Add(reader.GetString(0));

        Assert.Contains(plan, l => l.Contains("Index Scan Backward using mark_pkey on mark m (actual rows=1", StringComparison.Ordinal) || l.Contains("Index Scan Backward using mark_timeline on mark m (actual rows=1", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Expired_HeldNeededOrLastProven_IsRefused()
    {
        var full = await EnterAsync();
        var needing = await EnterAsync(BackupType.Incremental, needs: "L1");
        Assert.Equal("needed", (await Assert.ThrowsAsync<RequestRefusedException>(() => _records.ExpiredAsync(full, "old", "system", default))).Rule);

        await _records.HoldAsync(needing, true, "lawsuit", People.Operator, default);
        Assert.Equal(BackupState.Held, (await _catalogue.FindAsync(needing))!.Shown);
        Assert.Equal("held", (await Assert.ThrowsAsync<RequestRefusedException>(() => _records.ExpiredAsync(needing, "old", "system", default))).Rule);

        await _records.HoldAsync(needing, false, "over", People.Operator, default);
        await _records.CheckedAsync(needing, [new("near", true, ""), new("far", true, "")], "system", default);
        await _records.ProvenAsync(needing, 7, "", "system", default);
        Assert.Equal("lastProven", (await Assert.ThrowsAsync<RequestRefusedException>(() => _records.ExpiredAsync(needing, "old", "system", default))).Rule);
        await Assert.ThrowsAsync<NotAllowedException>(() => _records.HoldAsync(needing, true, "", People.Viewer, default));
    }

    [Fact]
    public async Task Hold_StoreDoesNotAnswer_IsKeptAllTheSameAndAskingAgainGoesOn()
    {
        var world = new BackupWorld { HoldFails = true };
        var holds = new BackupHolds(_records, _catalogue, new BackupEngineRegistry([world]));
        var id = await EnterAsync();
        Task<Backup> HoldAsync(bool hold, Person? by = null) => holds.HoldAsync(id, hold, "lawsuit", by ?? People.Operator, default);

        Assert.Equal("store", (await Assert.ThrowsAsync<RequestRefusedException>(() => HoldAsync(true))).Rule);
        Assert.Equal(BackupState.Held, (await _catalogue.FindAsync(id))!.Shown);
        world.HoldFails = false;
        await HoldAsync(true);
        Assert.True(world.Held["L1"] && world.Held["L2"]);

        await Assert.ThrowsAsync<NotAllowedException>(() => HoldAsync(false, People.Viewer));
        Assert.True(world.Held["L1"]);
        world.HoldFails = true;
        await Assert.ThrowsAsync<RequestRefusedException>(() => HoldAsync(false));
        Assert.Equal(BackupState.Held, (await _catalogue.FindAsync(id))!.Shown);
        world.HoldFails = false;
        Assert.Null((await HoldAsync(false)).Hold);
        Assert.False(world.Held["L1"] || world.Held["L2"]);
    }

    [Fact]
    public async Task Change_AuditFails_ChangesNothing()
    {
        var id = await EnterAsync();
        _audit.Fails = true;

        await Assert.ThrowsAsync<InvalidOperationException>(() => _records.FailedAsync(id, "no", "system", default));

        Assert.Equal(BackupState.Copied, (await _catalogue.FindAsync(id))!.State);
        Assert.Single(await _catalogue.LifeAsync(id));
    }

    [Fact]
    public async Task Range_LogPastTheFork_IsNeverOffered()
    {
        await EnterAsync();
        var start = _clock.GetUtcNow();
        // Timeline 1 is seen up to 0/500; the promotion forks it at 0/300, and timeline 2 is stored up to 0/400.
        for (var i = 1; i <= 5; i++) await MarkAsync(start.AddSeconds(i), 1, (ulong)i * 0x100);
        await _moments.HistoryAsync("orders", 2, [(1, new WalPosition(0x300))], default);
        await MarkAsync(start.AddSeconds(10), 2, 0x380);
        await MarkAsync(start.AddSeconds(11), 2, 0x480);
        await _moments.ArchivedAsync("orders", "pgbackrest", 1, new WalPosition(0x500), default);
        Assert.Equal(start.AddSeconds(3), (await _moments.NewestAsync("orders", default))["pgbackrest"]);

        await _moments.ArchivedAsync("orders", "pgbackrest", 2, new WalPosition(0x400), default);
        await _moments.ArchivedAsync("orders", "pgbackrest", 1, new WalPosition(0x600), default); // a straggler changes nothing

        var range = await _catalogue.RangeAsync("orders");
        Assert.Equal(start.AddSeconds(10), range!.To);
        Assert.Equal(new HistoryFork(1, start.AddSeconds(3), start.AddSeconds(10)), Assert.Single(range.Forks));
    }

    [Fact]
    public async Task History_RestoreInPlaceTakenBack_NothingOfTheBranchThatWasLeftIsOffered()
    {
        var before = await EnterAsync();
        var start = _clock.GetUtcNow();
        await MarkAsync(start.AddSeconds(1), 1, 0x400);
        // The restore forks timeline 2 off at 0/200; a backup is taken there; then timeline 1 is brought back, and goes on as 3 from where it had ended.
        await _moments.HistoryAsync("orders", 2, [(1, new WalPosition(0x200))], default);
        await MarkAsync(start.AddSeconds(2), 2, 0x380);
        await _moments.ArchivedAsync("orders", "pgbackrest", 2, new WalPosition(0x380), default);
        _clock.Advance(TimeSpan.FromMinutes(1));
        var branch = await EnterAsync(timeline: 2, stop: "0/300");
        await _moments.HistoryAsync("orders", 3, [(1, new WalPosition(0x400))], default);
        await MarkAsync(start.AddSeconds(90), 3, 0x480);

        var usable = await _moments.InHistoryAsync("orders", await _catalogue.ListAsync("orders"), default);

        Assert.Equal(before, Assert.Single(usable).Id);
        Assert.NotEqual(before, branch);
        Assert.Null(await _moments.StoredAsync("orders", "pgbackrest", default)); // what was stored was of the branch
        Assert.True((await _catalogue.RangeAsync("orders"))!.To < start);
        await _moments.ArchivedAsync("orders", "pgbackrest", 3, new WalPosition(0x480), default);
        var range = await _catalogue.RangeAsync("orders");
        Assert.Equal(start.AddSeconds(90), range!.To);
        Assert.Equal(1, Assert.Single(range.Forks).Timeline);
    }

    [Fact]
    public async Task History_BackupPastTheFork_IsNotOffered()
    {
        var past = await EnterAsync(stop: "0/300");
        await _moments.HistoryAsync("orders", 2, [(1, new WalPosition(0x200))], default);
        await MarkAsync(_clock.GetUtcNow(), 2, 0x280);

        Assert.Empty(await _moments.InHistoryAsync("orders", await _catalogue.ListAsync("orders"), default));
        Assert.NotNull(await _catalogue.FindAsync(past)); // it still restores its own moment
    }

    [Fact]
    public async Task Range_LogOfAnotherEngine_LeadsNowhereWithoutItsBackup()
    {
        await EnterAsync();
        var start = _clock.GetUtcNow();
        await MarkAsync(start.AddSeconds(1), 1, 0x100);
        await MarkAsync(start.AddSeconds(2), 1, 0x200);
        await _moments.ArchivedAsync("orders", "pgbackrest", 1, new WalPosition(0x100), default);
        await _moments.ArchivedAsync("orders", "streaming", 1, new WalPosition(0x200), default);

        Assert.Equal(start.AddSeconds(1), (await _catalogue.RangeAsync("orders"))!.To);
        Assert.Equal(start.AddSeconds(2), (await _moments.NewestAsync("orders", default))["streaming"]);
        Assert.Equal(new ArchivedLog(1, new WalPosition(0x100)), await _moments.StoredAsync("orders", "pgbackrest", default));
    }

    [Fact]
    public async Task Gap_InTheLog_BoundsEarlierBackupsUntilALaterOneEnds()
    {
        var alarms = new List<Alarm>();
        var gaps = new LogGaps(_database.Console, [new AlarmList(alarms)], _clock);
        var before = await EnterAsync(stop: "0/100");
        var start = _clock.GetUtcNow();
        for (var i = 1; i <= 8; i++) await MarkAsync(start.AddSeconds(i), 1, (ulong)i * 0x100);
        await _moments.ArchivedAsync("orders", "pgbackrest", 1, new WalPosition(0x800), default);
        Assert.Equal(start.AddSeconds(8), (await _catalogue.RangeAsync("orders"))!.To);

        Assert.True(await gaps.RecordAsync("orders", "pgbackrest", new MissingLog(1, new WalPosition(0x380), new WalPosition(0x480)), default));
        Assert.False(await gaps.RecordAsync("orders", "pgbackrest", new MissingLog(1, new WalPosition(0x400), new WalPosition(0x500)), default)); // it goes on
        await gaps.RecordAsync("orders", "streaming", new MissingLog(1, new WalPosition(0x200), new WalPosition(0x300)), default); // of another's log

        var range = await _catalogue.RangeAsync("orders");
        Assert.Equal(start.AddSeconds(3), range!.To);
        Assert.Equal(new LogGap("pgbackrest", start.AddSeconds(3), null, "0/380", "0/500"), Assert.Single(range.Gaps));
        Assert.Contains("Take a full backup by pgbackrest", alarms[0].Detail, StringComparison.Ordinal);
        Assert.Equal(2, alarms.Count);

        _clock.Advance(TimeSpan.FromSeconds(10));
        var after = await EnterAsync(stop: "0/580");
        range = await _catalogue.RangeAsync("orders");
        Assert.Equal(start.AddSeconds(8), range!.To);
        Assert.Equal((await _catalogue.FindAsync(after))!.EndedAt, Assert.Single(range.Gaps).Ends);
        var reach = await _moments.ReachAsync("orders", await _catalogue.ListAsync("orders"), default);
        Assert.Equal((before, start.AddSeconds(3)), (Assert.Single(reach).Key, Assert.Single(reach).Value));

        _clock.Advance(TimeSpan.FromDays(100));
        await _records.ExpiredAsync(before, "old", "system", default);
        await _moments.TrimAsync(default);
        Assert.Empty(await _moments.ReachAsync("orders", [(await _catalogue.FindAsync(before))!], default));
    }

    [Fact]
    public async Task Gap_PastTheFork_BoundsNothing()
    {
        var gaps = new LogGaps(_database.Console, [], _clock);
        await EnterAsync();
        await gaps.RecordAsync("orders", "pgbackrest", new MissingLog(1, new WalPosition(0x300), new WalPosition(0x400)), default);
        await _moments.HistoryAsync("orders", 2, [(1, new WalPosition(0x300))], default);

        Assert.Empty((await _catalogue.RangeAsync("orders"))!.Gaps);
    }

    private sealed class AlarmList(List<Alarm> alarms) : IAlarmSink
    {
        public void Raise(Alarm alarm) => alarms.Add(alarm);
    }

    private Task MarkAsync(DateTimeOffset at, int timeline, ulong position) => _moments.MarkAsync("orders", at, timeline, new WalPosition(position), default);

    private Task<Guid> EnterAsync(BackupType type = BackupType.Full, Guid? operation = null, string? needs = null, int timeline = 1, string stop = "0/100", string label = "L1") => _records.EnterAsync("orders", "pgbackrest", operation ?? Guid.NewGuid(),
        new TakenBackup(type, _clock.GetUtcNow().AddSeconds(-9), _clock.GetUtcNow().AddSeconds(-4), 1000, needs, stop, timeline, [new("near", label, 300), new("far", "L2", 310)]), Regions, "system", default);
}
