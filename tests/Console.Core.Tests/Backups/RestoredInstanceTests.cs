using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Operations;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Tests.Operations;
using OpsConsole.Testing;

namespace OpsConsole.Core.Tests.Backups;

/// <summary>Restores into instances of their own, from the claim on the backup to the day on which somebody removes them.</summary>
public sealed class RestoredInstanceTests : IAsyncLifetime
{
    private readonly BackupWorld _world = new()
    {
        Ports = [5998, 5999],
        Configure = o => o.Policies = [new BackupPolicyOptions { Cluster = "orders", Queries = [new() { Name = "one", Sql = "SELECT 1", Expect = "1" }] }],
    };
    private TestFleet _fleet = null!;
    private TestNode _node = null!;

    public async ValueTask InitializeAsync()
    {
        var database = await TestDatabase.CreateAsync(OperationsDb.ConsoleSchema, BackupsDb.ConsoleSchema);
        _fleet = TestFleet.Of(database, await _world.ServicesAsync(database));
        _node = _fleet.Node();
    }

    public ValueTask DisposeAsync() => _fleet.DisposeAsync();

    [Fact]
    public async Task New_TwoOfTheSameBackup_BothRunAndEachIsTakenBackWheneverSomebodyWants()
    {
        var backup = await BackupAsync();
        var (first, second) = (await RestoreAsync(backup), await RestoreAsync(backup)); // the first has not begun yet

        foreach (var id in new[] { first, second })
        {
            await _node.RunAsync(id);
            Assert.Equal(OperationState.Succeeded, (await _node.Reader.GetAsync(id)).State);
        }
        await _node.Operations.CommitAsync(first, "wanted", People.Operator); // there is nothing to commit
        await _fleet.ExecuteAsync("UPDATE ops.operation SET ended_at = ended_at - interval '30 days'");
        Assert.True((await _node.Reader.GetAsync(first)).MayTakeBack(TimeProvider.System.GetUtcNow()));

        var back = await _node.Operations.RollBackAsync(first, "no longer needed", People.Operator);
        await _node.RunAsync(back.Id);

        Assert.Equal(OperationState.Succeeded, (await _node.Reader.GetAsync(back.Id)).State);
        Assert.Equal(second.ToString(), Assert.Single(_world.Instances).Value);
        Assert.False((await _node.Reader.GetAsync(first)).MayTakeBack(TimeProvider.System.GetUtcNow()));
        Assert.True((await _node.Reader.GetAsync(second)).MayTakeBack(TimeProvider.System.GetUtcNow()));
    }

    [Fact]
    public async Task New_PolicyHasQueries_TheirAnswersAreInTheResult()
    {
        _node.Get<BackupsOptions>().Policies[0].Queries.Add(new() { Name = "two", Sql = "SELECT 2", Expect = "3" });
        var restore = await RestoreAsync(await BackupAsync());
        await _node.RunAsync(restore);

        var findings = (await _node.Reader.GetAsync(restore)).Result["findings"]!.AsArray();

        Assert.Equal([("one", true, "1"), ("two", false, "2, expected 3")], findings.Select(f => (f!["name"]!.GetValue<string>(), f["passed"]!.GetValue<bool>(), f["answer"]!.GetValue<string>())));
    }

    [Fact]
    public async Task Sweep_OneThingCannotBeRemoved_TheOthersAreAndItIsTriedAgain()
    {
        var (kept, gone) = (await BackupAsync(), await BackupAsync());
        var aside = await RestoreAsync(kept);
        await _node.RunAsync(aside);
        await _fleet.ExecuteAsync("UPDATE backups.backup SET state = 'expired'");
        await _fleet.ExecuteAsync($"""
            UPDATE ops.operation SET request = request || '{JsonSerializer.Serialize(new { destination = "inPlace" })}' WHERE id = '{aside}';
            INSERT INTO ops.claim (operation_id, resource, class, active) VALUES ('{aside}', 'cluster:orders', 'topology', false)
            """);
        var stuck = (await _node.Get<BackupCatalogue>().FindAsync(kept))!.OperationId;
        (_world.Stuck, _world.Silent) = (stuck, "data.drop");
        var sweep = ActivatorUtilities.CreateInstance<BackupSweep>(_node.Get<IServiceProvider>());

        await sweep.SweepAsync(default);
        Assert.Equal(stuck, Assert.Single(_world.Stored).Key);
        Assert.Equal(1, _world.Ran["data.drop"]);

        (_world.Stuck, _world.Silent) = (null, null);
        await sweep.SweepAsync(default);
        await sweep.SweepAsync(default);
        Assert.Empty(_world.Stored);
        Assert.Equal(2, _world.Ran["data.drop"]); // once it was dropped, nobody asks again
    }

    [Theory]
    [InlineData(BackupKinds.Restore)]
    [InlineData(BackupKinds.Verify)]
    public async Task Expire_WhileTheBackupIsRead_KeepsItForTheNextRun(string reading)
    {
        var backup = await BackupAsync();
        await BackupAsync();
        var reader = reading == BackupKinds.Restore ? await RestoreAsync(backup) : (await _node.Operations.SubmitAsync(new OperationRequest(BackupKinds.Verify, new JsonObject { ["backupId"] = backup.ToString() }, "test"), People.Operator)).OperationId;
        var records = _node.Get<BackupRecords>();

        var refused = await Assert.ThrowsAsync<RequestRefusedException>(() => records.ExpiredAsync(backup, "old", "system", default));

        Assert.Equal("inUse", refused.Rule);
        Assert.Contains(reader.ToString(), refused.Message, StringComparison.Ordinal);
        await _node.RunAsync(reader);
        var ended = await _node.Reader.GetAsync(reader);
        Assert.True(ended.State == OperationState.Succeeded, ended.EndReason);
        await BackupAsync();
        await _fleet.ExecuteAsync("UPDATE backups.backup SET proven_at = NULL");
        Assert.Equal(BackupState.Expired, (await records.ExpiredAsync(backup, "old", "system", default)).State);
    }

    [Fact]
    public async Task New_BackupExpiresBeforeItStarts_IsRefusedAtTheStart()
    {
        var backup = await BackupAsync();
        var restore = await RestoreAsync(backup);
        await _fleet.ExecuteAsync("UPDATE backups.backup SET state = 'expired'");

        await _node.RunAsync(restore);

        var refused = await _node.Reader.GetAsync(restore);
        Assert.NotEqual(OperationState.Succeeded, refused.State);
        Assert.Empty(_world.Instances);
    }

    private async Task<Guid> BackupAsync()
    {
        var id = (await _node.Operations.SubmitAsync(new OperationRequest(BackupKinds.Backup, new JsonObject { ["cluster"] = "orders", ["type"] = "full" }, "test"), People.Operator)).OperationId;
        await _node.RunAsync(id);
        return (await _node.Reader.GetAsync(id)).Result["backupId"]!.GetValue<Guid>();
    }

    private async Task<Guid> RestoreAsync(Guid backup) =>
        (await _node.Operations.SubmitAsync(new OperationRequest(BackupKinds.Restore, new JsonObject { ["cluster"] = "orders", ["destination"] = "new", ["backupId"] = backup.ToString() }, "test"), People.Operator)).OperationId;
}
