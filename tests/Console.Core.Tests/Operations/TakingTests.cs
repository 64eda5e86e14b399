using OpsConsole.Core.Operations;
using OpsConsole.Core.Operations.Execution;

namespace OpsConsole.Core.Tests.Operations;

/// <summary>Which node runs an operation, and that only one does.</summary>
public sealed class TakingTests
{
    [Fact]
    public async Task Write_WithAnOldEpoch_IsRefused()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node();
        var id = (await node.SubmitAsync("set:a")).OperationId;
        var parts = node.Get<ExecutionParts>();
        var candidate = Assert.Single(await parts.Leases.CandidatesAsync(default));
        var old = await parts.Leases.TakeAsync(candidate, default);
        await fleet.LeasesRunOutAsync();
        var current = await parts.Leases.TakeAsync(candidate with { Epoch = old!.Value }, default);

        await Assert.ThrowsAsync<LeaseLostException>(() => parts.Journal.WriteAsync(id, old.Value, new JournalEntry("intent", 0, "old", parts.Clock.GetUtcNow()) { State = StepState.Running }, default));
        await Assert.ThrowsAsync<LeaseLostException>(() => parts.Changer.ChangeAsync(id, new StateChange(OperationState.Running, "x", "", OperationState.Approved) { Epoch = old }, default));
        Assert.False((await parts.Leases.RenewAsync(id, old.Value, default)).Held);
        Assert.True(current > old);
        Assert.Equal(StepState.Pending, (await node.Reader.GetAsync(id)).Steps[0].State);
    }

    [Fact]
    public async Task Take_ByManyNodesAtOnce_OnlyOneRuns()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var nodes = Enumerable.Range(0, 4).Select(i => fleet.Node($"n{i}")).ToList();
        var id = (await nodes[0].SubmitAsync("set:a set:b set:c")).OperationId;

        var ran = await Task.WhenAll(nodes.Select(n => n.RunAsync(id)));

        Assert.Single(ran, r => r);
        Assert.Equal(1, fleet.World.MostConcurrent);
        Assert.All(fleet.World.Acts, a => Assert.Equal(1, a.Value));
    }

    [Fact]
    public async Task Runner_NodeDies_AnotherTakesOverByItself()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var dead = fleet.Node("dead", o => o.LeaseSeconds = 0.5);
        dead.Trace.KillAt = 5;
        var id = (await dead.SubmitAsync("set:a set:b set:c")).OperationId;
        await dead.RunAsync(id);
        Assert.True(dead.Trace.Killed);
        var alive = fleet.Node("alive", o => o.LeaseSeconds = 0.5);

        await alive.StartAsync();

        var operation = await alive.EndAsync(id);
        Assert.Equal(OperationState.Succeeded, operation.State);
        Assert.Contains(await alive.Reader.EventsAsync(id), e => e.Kind == "takeover");
    }

    [Fact]
    public async Task Recover_BeforeTheHostStarts_TakesOrphansAtOnceAndLeavesWhatHasNotBegun()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var dead = fleet.Node();
        dead.Trace.KillAt = 5;
        var orphan = (await dead.SubmitAsync("set:a set:b")).OperationId;
        await dead.RunAsync(orphan);
        Assert.True(dead.Trace.Killed);
        await dead.DisposeAsync();
        var restarted = fleet.Node();
        var fresh = (await restarted.SubmitAsync("set:c", "service:x")).OperationId;

        await restarted.RecoverAsync();

        Assert.Equal(OperationState.Succeeded, (await restarted.EndAsync(orphan)).State);
        Assert.Equal(OperationState.Approved, (await restarted.Reader.GetAsync(fresh)).State);
        await restarted.StartAsync();
        Assert.Equal(OperationState.Succeeded, (await restarted.EndAsync(fresh)).State);
    }
}
