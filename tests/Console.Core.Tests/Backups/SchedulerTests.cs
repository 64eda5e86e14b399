using Microsoft.Extensions.Time.Testing;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Operations;
using OpsConsole.Core.Backups.Schedules;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Replication;
using OpsConsole.Core.Tests.Operations;
using OpsConsole.Testing;

namespace OpsConsole.Core.Tests.Backups;

/// <summary>The policies' runs by a clock that the test moves: each due run once, whichever node looks.</summary>
public sealed class SchedulerTests : IAsyncLifetime
{
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 3, 27, 12, 0, 0, TimeSpan.Zero));
    private readonly BackupPolicyOptions _policy = new() { Cluster = "orders", FullAt = "01:30", VerifyAt = "04:00" };
    private readonly string _zone = "Europe/Dublin";
    private BackupWorld _world = null!;
    private TestFleet _fleet = null!;
    private TestNode _node = null!;

    public async ValueTask InitializeAsync()
    {
        _world = new BackupWorld { Capabilities = new(true, true, true, true), Configure = o => (o.TimeZone, o.Policies) = (_zone, [_policy]) };
        var database = await TestDatabase.CreateAsync(OperationsDb.ConsoleSchema, BackupsDb.ConsoleSchema);
        _fleet = TestFleet.Of(database, await _world.ServicesAsync(database), _clock);
        _node = _fleet.Node();
    }

    public async ValueTask DisposeAsync() => await _fleet.DisposeAsync();

    [Fact]
    public async Task RunDue_ANewSchedule_BeginsWithItsNextTimeAndRunsOnce()
    {
        await LookAsync();
        Assert.Empty(await BackupsAsync());
        await LookAsync(new(2026, 3, 28, 1, 29, 59, TimeSpan.Zero));
        Assert.Empty(await BackupsAsync());

        _clock.SetUtcNow(new(2026, 3, 28, 1, 30, 0, TimeSpan.Zero));
        await using var other = _fleet.Node("b");
        await Task.WhenAll(_node.Get<BackupScheduler>().RunDueAsync(default), other.Get<BackupScheduler>().RunDueAsync(default));
        await LookAsync(_clock.GetUtcNow().AddMinutes(1));

        var only = Assert.Single(await BackupsAsync());
        Assert.Equal("full", only.Request["type"]!.GetValue<string>());
        Assert.Equal((Person.Console.Email, "schedule: by policy"), (only.RequestedBy, only.Reason));
    }

    [Fact]
    public async Task RunDue_AfterDaysAway_CatchesUpTheNewestOnly()
    {
        await LookAsync();

        await LookAsync(_clock.GetUtcNow().AddDays(5));
        await LookAsync(_clock.GetUtcNow().AddMinutes(1));

        Assert.Single(await BackupsAsync());
    }

    [Fact]
    public async Task RunDue_AcrossBothChangesOfClocks_IsOneADay()
    {
        _policy.Adaptive.Enabled = false;
        _policy.IncrementalEveryHours = 24 * 3650; // none in this test
        foreach (var day in new DateTimeOffset[] { new(2026, 3, 28, 12, 0, 0, TimeSpan.Zero), new(2026, 10, 24, 12, 0, 0, TimeSpan.Zero) })
        {
            await LookAsync(day);
            await FinishAsync();
            var before = (await BackupsAsync()).Count;
            for (var at = day; at <= day.AddDays(2); at = at.AddMinutes(10))
            {
                await LookAsync(at);
                await FinishAsync();
            }
            Assert.Equal(2, (await BackupsAsync()).Count - before);
        }
    }

    [Fact]
    public async Task RunDue_WhileAnotherBackupRuns_WaitsForItsEnd()
    {
        await LookAsync();
        var byHand = (await _node.Operations.SubmitAsync(new OperationRequest(BackupKinds.Backup, new() { ["cluster"] = "orders", ["type"] = "full" }, "by hand"), People.Operator)).OperationId;

        await LookAsync(new(2026, 3, 28, 1, 30, 0, TimeSpan.Zero));
        Assert.Equal(byHand, Assert.Single(await BackupsAsync()).Id);

        Assert.True(await _node.RunAsync(byHand));
        await LookAsync(_clock.GetUtcNow().AddMinutes(5));
        Assert.Equal(2, (await BackupsAsync()).Count);
    }

    [Fact]
    public async Task RunDue_MuchLogSinceTheLastBackup_TakesTheIncrementalEarlyAndSaysWhy()
    {
        await LookAsync();
        var start = _clock.GetUtcNow();
        await _node.Get<BackupRecords>().EnterAsync("orders", "pgbackrest", Guid.NewGuid(), new TakenBackup(BackupType.Full, start.AddMinutes(-1), start, 10, null, "0/1", 1, [new("store", "L", 10)]),
            new Dictionary<string, string> { ["store"] = "us-east-1" }, "system", default);
        var moments = _node.Get<RestorableMoments>();
        await moments.MarkAsync("orders", start, 1, new WalPosition(0), default);
        await moments.MarkAsync("orders", start.AddMinutes(1), 1, new WalPosition(100UL << 20), default);

        await LookAsync(start.AddHours(4));
        Assert.Empty(await BackupsAsync());
        await moments.MarkAsync("orders", _clock.GetUtcNow(), 1, new WalPosition(5000UL << 20), default);
        await LookAsync();

        var taken = Assert.Single(await BackupsAsync());
        Assert.Equal("incremental", taken.Request["type"]!.GetValue<string>());
        Assert.Equal("schedule: every 3 h: 5000 MB of log since the last backup", taken.Reason);
    }

    [Fact]
    public async Task RunDue_TheRunGaveWayToAFailover_IsDueAgainOnceAndNotLater()
    {
        await LookAsync();
        await LookAsync(new(2026, 3, 28, 1, 30, 0, TimeSpan.Zero));
        var first = Assert.Single(await BackupsAsync());
        _clock.Advance(TimeSpan.FromSeconds(20));
        Assert.Null(await Wishes.GiveWayAsync(_fleet.Database.Console, _node.Get<OperationStateChanger>(), first.Id, "test", OperationKinds.Failover, Guid.NewGuid(), _clock.GetUtcNow(), default));
        Assert.Equal(OperationState.Cancelled, (await _node.Reader.GetAsync(first.Id)).State);

        await LookAsync(_clock.GetUtcNow().AddMinutes(1));
        await LookAsync(_clock.GetUtcNow().AddMinutes(1));

        var again = Assert.Single(await BackupsAsync(), b => b.Id != first.Id);
        Assert.Equal(("full", "schedule: by policy, again: it gave way"), (again.Request["type"]!.GetValue<string>(), again.Reason));
        await FinishAsync();
        await LookAsync(_clock.GetUtcNow().AddMinutes(1));
        Assert.Equal(2, (await BackupsAsync()).Count(b => b.Request["type"]!.GetValue<string>() == "full"));
    }

    [Fact]
    public async Task RunDue_AnIncrementalOfTheChainIsDamaged_TakesAFullOne()
    {
        await LookAsync();
        var start = _clock.GetUtcNow();
        await EnterAsync(BackupType.Full, start, null, "F");
        var damaged = await EnterAsync(BackupType.Incremental, start.AddMinutes(5), "F", "I1");
        await EnterAsync(BackupType.Incremental, start.AddMinutes(10), "F", "I2");
        await _node.Get<BackupRecords>().FailedAsync(damaged, "a page is torn", "test", default);

        await LookAsync(start.AddHours(13));

        Assert.Equal("full", Assert.Single(await BackupsAsync()).Request["type"]!.GetValue<string>());
    }

    private Task<Guid> EnterAsync(BackupType type, DateTimeOffset at, string? on, string label) => _node.Get<BackupRecords>().EnterAsync("orders", "pgbackrest", Guid.NewGuid(), new TakenBackup(type, at.AddMinutes(-1), at, 10, on, "0/1", 1, [new("store", label, 10)]),
        new Dictionary<string, string> { ["store"] = "us-east-1" }, "system", default);

    [Fact]
    public async Task RunDue_APolicyWithDumps_TakesOneADay()
    {
        _policy.LogicalAt = "13:00";
        await LookAsync();

        await LookAsync(_clock.GetUtcNow().AddHours(1));

        Assert.Equal("logical", Assert.Single(await BackupsAsync()).Request["type"]!.GetValue<string>());
        Assert.Contains(await _node.Get<BackupScheduler>().AheadAsync("orders", TimeSpan.FromDays(1), default), r => r is { Purpose: RunPurpose.Logical, Reason: "daily at 13:00" });
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task RunDue_TheConfiguration_IsTakenOnceADayWhereItIsDeclared(bool declared)
    {
        _policy.ConfigurationAt = "13:00";
        _world.Capabilities = new(true, true, true, true, declared);
        await LookAsync();

        await LookAsync(_clock.GetUtcNow().AddHours(1));

        var types = (await BackupsAsync()).Select(b => b.Request["type"]!.GetValue<string>());
        Assert.Equal(declared ? ["configuration"] : [], types);
        Assert.Equal(declared, (await _node.Get<BackupScheduler>().AheadAsync("orders", TimeSpan.FromDays(1), default)).Any(r => r is { Purpose: RunPurpose.Configuration, Reason: "daily at 13:00" }));
    }

    [Fact]
    public async Task RunDue_AnEngineWithoutIncrementals_PlansAndBeginsNone()
    {
        _world.Capabilities = new(true, false, false, true);
        await LookAsync();
        var start = _clock.GetUtcNow();
        await _node.Get<BackupRecords>().EnterAsync("orders", "pgbackrest", Guid.NewGuid(), new TakenBackup(BackupType.Full, start.AddMinutes(-1), start, 10, null, "0/1", 1, [new("store", "L", 10)]),
            new Dictionary<string, string> { ["store"] = "us-east-1" }, "system", default);

        await LookAsync(start.AddHours(13));

        Assert.Empty(await BackupsAsync());
        Assert.Empty(_fleet.Alarms);
        Assert.DoesNotContain(await _node.Get<BackupScheduler>().AheadAsync("orders", TimeSpan.FromDays(2), default), r => r.Purpose == RunPurpose.Incremental);
    }

    [Fact]
    public async Task RunDue_ARunThatIsRefused_RaisesAnAlarm()
    {
        _policy.Engine = "streaming"; // which is not set up
        await LookAsync();

        await LookAsync(new(2026, 3, 28, 1, 30, 0, TimeSpan.Zero));
        await LookAsync(_clock.GetUtcNow().AddMinutes(1));

        var alarm = Assert.Single(_fleet.Alarms);
        Assert.Equal(("backupRefused", "The scheduled run (full) for orders was refused"), (alarm.Kind, alarm.Title));
        Assert.Contains("No engine 'streaming' is set up for orders", alarm.Detail, StringComparison.Ordinal);
        Assert.False(alarm.OnRecord);
    }

    private async Task LookAsync(DateTimeOffset? at = null)
    {
        if (at is { } moment) _clock.SetUtcNow(moment);
        await _node.Get<BackupScheduler>().RunDueAsync(default);
    }

    private async Task<IReadOnlyList<Operation>> BackupsAsync() => await _node.Reader.ListAsync(BackupKinds.Backup, limit: 200);

    // Everything that was begun comes to its end.
    private async Task FinishAsync()
    {
        foreach (var operation in await _node.Reader.ListAsync(limit: 200))
            if (!operation.State.IsEnd()) await _node.RunAsync(operation.Id);
    }
}
