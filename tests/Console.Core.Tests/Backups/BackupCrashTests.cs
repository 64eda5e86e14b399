using System.Text.Json.Nodes;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Operations;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Tests.Operations;
using OpsConsole.Testing;

namespace OpsConsole.Core.Tests.Backups;

/// <summary>The console dies at every moment of a backup, a verification, an expiry, a restore: whoever comes next brings it to an end, the catalogue says what is stored,
/// and no instance is left.</summary>
public sealed class BackupCrashTests
{
    [Fact]
    public async Task Backup_KilledAtEveryMoment_IsStoredOnceAndVerified() => await EverywhereAsync(BackupKinds.Backup, (_, _) => Task.FromResult(new JsonObject { ["cluster"] = "orders", ["type"] = "full" }), async (fleet, world, operation, moment) =>
    {
        await using var reader = fleet.Node("reader");
        var backup = await reader.Get<BackupCatalogue>().OfOperationAsync(operation.Id, default);
        Assert.True(operation.State == OperationState.Succeeded, $"{moment}: {operation.State} {operation.EndReason}");
        Assert.True(backup is { State: BackupState.Verified }, $"{moment}: {backup?.State}");
        Assert.True(world.Stored.ContainsKey(operation.Id), moment);
        Assert.Equal(backup!.Id, operation.Result["backupId"]!.GetValue<Guid>());
        Assert.Equal(world.Stored.Count, world.Taken);
    });

    [Fact]
    public async Task Verify_KilledAtEveryMoment_IsProvenAndNoInstanceIsLeft() => await EverywhereAsync(BackupKinds.Verify, NewBackupAsync, async (fleet, world, operation, moment) =>
    {
        await using var reader = fleet.Node("reader");
        var backup = await reader.Get<BackupCatalogue>().FindAsync(Guid.Parse(operation.Request["backupId"]!.GetValue<string>()));
        Assert.True(operation.State == OperationState.Succeeded, $"{moment}: {operation.State} {operation.EndReason}");
        Assert.True(backup is { State: BackupState.Proven, RestoreSeconds: > 0 }, $"{moment}: {backup?.State}");
        Assert.True(world.Instances.IsEmpty && world.Running.IsEmpty, $"{moment}: {string.Join(", ", world.Instances)}");
    });

    [Fact]
    public async Task Expire_KilledAtEveryMoment_CatalogueAndStoreAgree() => await EverywhereAsync(BackupKinds.Expire, async (fleet, world) =>
    {
        await NewBackupAsync(fleet, world); // the newest is kept, whatever the policy
        await NewBackupAsync(fleet, world);
        await fleet.ExecuteAsync("UPDATE backups.backup SET state = 'failed' WHERE id <> (SELECT id FROM backups.backup ORDER BY ended_at DESC LIMIT 1) AND state <> 'expired'");
        return new JsonObject { ["cluster"] = "orders" };
    }, async (fleet, world, operation, moment) =>
    {
        await using var reader = fleet.Node("reader");
        Assert.True(operation.State == OperationState.Succeeded, $"{moment}: {operation.State} {operation.EndReason}");
        var all = await reader.Get<BackupCatalogue>().ListAsync(expired: true);
        Assert.All(all, b => Assert.True(b.State == BackupState.Expired != world.Stored.ContainsKey(b.OperationId), $"{moment}: {b.Id} is {b.State}"));
        Assert.Single(all, b => b.State != BackupState.Expired);
    });

    [Fact]
    public async Task Restore_KilledAtEveryMoment_OneInstanceIsHandedOver() => await EverywhereAsync(BackupKinds.Restore, async (fleet, world) =>
    {
        var request = await NewBackupAsync(fleet, world);
        (request["cluster"], request["destination"]) = ("orders", "new");
        return request;
    }, (_, world, operation, moment) =>
    {
        Assert.True(operation.State == OperationState.Succeeded, $"{moment}: {operation.State} {operation.EndReason}");
        Assert.True(world.Instances.Count == 1 && world.Instances.Values.Single() == operation.Id.ToString() && world.Running.Count == 1, $"{moment}: {string.Join(", ", world.Instances)}");
        Assert.StartsWith("postgresql://restored:", operation.Result["connection"]!.GetValue<string>(), StringComparison.Ordinal);
        world.Instances.Clear();
        world.Running.Clear();
        return Task.CompletedTask;
    });

    private static async Task<JsonObject> NewBackupAsync(TestFleet fleet, BackupWorld world)
    {
        await using var node = fleet.Node("maker");
        var id = (await node.Operations.SubmitAsync(new OperationRequest(BackupKinds.Backup, new JsonObject { ["cluster"] = "orders", ["type"] = "full" }, "test"), People.Operator)).OperationId;
        await node.RunAsync(id);
        return new JsonObject { ["backupId"] = (await node.Reader.GetAsync(id)).Result["backupId"]!.GetValue<Guid>().ToString() };
    }

    private static async Task EverywhereAsync(string kind, Func<TestFleet, BackupWorld, Task<JsonObject>> prepare, Func<TestFleet, BackupWorld, Operation, string, Task> verify)
    {
        var world = new BackupWorld();
        var database = await TestDatabase.CreateAsync(OperationsDb.ConsoleSchema, BackupsDb.ConsoleSchema);
        await using var fleet = TestFleet.Of(database, await world.ServicesAsync(database));
        var moments = await RunAsync(fleet, world, kind, prepare, verify, -1);
        Assert.True(moments.Count > 8, string.Join('\n', moments));
        for (var moment = 0; moment < moments.Count; moment++) await RunAsync(fleet, world, kind, prepare, verify, moment);
    }

    private static async Task<IReadOnlyList<string>> RunAsync(TestFleet fleet, BackupWorld world, string kind, Func<TestFleet, BackupWorld, Task<JsonObject>> prepare, Func<TestFleet, BackupWorld, Operation, string, Task> verify, int killAt)
    {
        var request = await prepare(fleet, world);
        IReadOnlyList<string> seen;
        Guid id;
        await using (var first = fleet.Node("a"))
        {
            first.Trace.KillAt = killAt;
            id = (await first.Operations.SubmitAsync(new OperationRequest(kind, request, "test"), People.Operator)).OperationId;
            await first.RunAsync(id);
            seen = first.Trace.Seen;
        }
        if (killAt >= 0)
        {
            await fleet.LeasesRunOutAsync();
            await using var second = fleet.Node("other");
            await second.RunAsync(id);
        }
        await using var reader = fleet.Node("reader");
        await verify(fleet, world, await reader.Reader.GetAsync(id), killAt < 0 ? "alive" : seen[Math.Min(killAt, seen.Count - 1)]);
        return seen;
    }
}
