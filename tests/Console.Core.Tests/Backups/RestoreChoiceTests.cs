using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Time.Testing;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Operations;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Replication;
using OpsConsole.Core.Tests.Operations;
using OpsConsole.Testing;

namespace OpsConsole.Core.Tests.Backups;

/// <summary>Which backup a moment is restored from, and which moments are refused because their log is nowhere.</summary>
public sealed class RestoreChoiceTests : IAsyncLifetime
{
    private readonly BackupWorld _world = new();
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 3, 27, 12, 0, 0, TimeSpan.Zero));
    private TestDatabase _database = null!;
    private TestFleet _fleet = null!;
    private TestNode _node = null!;

    public async ValueTask InitializeAsync()
    {
        _database = await TestDatabase.CreateAsync(OperationsDb.ConsoleSchema, BackupsDb.ConsoleSchema);
        _fleet = TestFleet.Of(_database, await _world.ServicesAsync(_database), _clock);
        _node = _fleet.Node();
    }

    public ValueTask DisposeAsync() => _fleet.DisposeAsync();

    [Fact]
    public async Task Moment_BehindAGap_IsRefusedWithHowFarTheLogLeadsUntilALaterBackupEnds()
    {
        var before = await EnterAsync("0/100");
        var start = _clock.GetUtcNow();
        for (var i = 1; i <= 8; i++) await _node.Get<RestorableMoments>().MarkAsync("orders", start.AddSeconds(i), 1, new WalPosition((ulong)i * 0x100), default);
        await _node.Get<RestorableMoments>().ArchivedAsync("orders", "pgbackrest", 1, new WalPosition(0x800), default);
        _clock.Advance(TimeSpan.FromSeconds(20));
        await new LogGaps(_database.Console, [], _clock).RecordAsync("orders", "pgbackrest", new MissingLog(1, new WalPosition(0x380), new WalPosition(0x480)), default);

        Assert.Equal(before, await ChosenAsync(start.AddSeconds(2)));
        foreach (var named in new Guid?[] { null, before })
        {
            var refused = await Assert.ThrowsAsync<RequestRefusedException>(() => ChosenAsync(start.AddSeconds(6), named));
            Assert.Equal("targetTime", refused.Rule);
            Assert.Contains($"leads up to {start.AddSeconds(3).UtcDateTime:yyyy-MM-dd HH:mm:ss}Z", refused.Message, StringComparison.Ordinal);
        }

        var after = await EnterAsync("0/580");
        _clock.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(after, await ChosenAsync(_clock.GetUtcNow().AddSeconds(-1)));
        Assert.Contains("Log is missing", (await Assert.ThrowsAsync<RequestRefusedException>(() => ChosenAsync(_clock.GetUtcNow().AddSeconds(-1), before))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Moment_OnlyADumpAndAConfigurationAreThere_IsRefused()
    {
        foreach (var type in new[] { BackupType.Logical, BackupType.Configuration }) await EnterAsync("0/100", type);
        _clock.Advance(TimeSpan.FromSeconds(20));
        Assert.Contains("There is no usable backup of orders", (await Assert.ThrowsAsync<RequestRefusedException>(() => ChosenAsync(_clock.GetUtcNow()))).Message, StringComparison.Ordinal);
    }

    private async Task<Guid> ChosenAsync(DateTimeOffset moment, Guid? backup = null)
    {
        var request = new JsonObject { ["cluster"] = "orders", ["destination"] = "new", ["targetTime"] = moment.ToString("O", CultureInfo.InvariantCulture) };
        if (backup is { } id) request["backupId"] = id.ToString();
        return (await _node.Operations.PreviewAsync(BackupKinds.Restore, request)).Plan.Steps[^1].Parameters["backupId"]!.GetValue<Guid>();
    }

    private Task<Guid> EnterAsync(string stop, BackupType type = BackupType.Full) => _node.Get<BackupRecords>().EnterAsync("orders", "pgbackrest", Guid.NewGuid(),
        new TakenBackup(type, _clock.GetUtcNow().AddSeconds(-9), _clock.GetUtcNow().AddSeconds(-4), 1000, null, type.IsPhysical() ? stop : null, 1, [new("store", "L1", 300)]), new Dictionary<string, string> { ["store"] = "us-east-1" }, "system", default);
}
