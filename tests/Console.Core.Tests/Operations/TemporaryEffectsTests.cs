using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Tests.Operations;

/// <summary>What experiments ask of the engine: their effects are undone at the end, whatever the end, and not given up.</summary>
public sealed class TemporaryEffectsTests
{
    [Theory]
    [InlineData(false, OperationState.Succeeded)]
    [InlineData(true, OperationState.RolledBack)]
    public async Task Run_StepAfterTheUndo_RunsOnceAllIsUndoneHoweverItEnds(bool fails, OperationState end)
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node();
        fleet.World.BeforeAct = key => key == "b" && fails ? throw new StepFailedException("no") : Task.CompletedTask;
        var id = (await node.SubmitAsync("wait~ set:a set:b", more: r => r["undoAtEnd"] = true)).OperationId;

        await node.RunAsync(id);

        var operation = await node.Reader.GetAsync(id);
        Assert.Equal(end, operation.State);
        Assert.Equal(StepState.Done, operation.Steps[0].State);
        var story = (await node.Reader.EventsAsync(id)).ToList();
        Assert.True(story.FindIndex(e => e is { Kind: "intent", Step: 0 }) > story.FindLastIndex(e => e.Kind == "undone"), "it ran before all was undone");
        Assert.Equal("passed", operation.Result["cleanUp"]!.GetValue<string>());
    }

    [Fact]
    public async Task Run_TemporaryEffectResistsTheUndo_IsTriedUntilItIsGone()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node();
        fleet.World.UndoFails = key => key == "a" && fleet.World.Undos["a"] < 8; // three tries a round
        var id = (await node.SubmitAsync("set:a set:b", more: r => r["undoAtEnd"] = true)).OperationId;

        await node.RunAsync(id);

        var operation = await node.Reader.GetAsync(id);
        Assert.Equal(OperationState.Succeeded, operation.State);
        Assert.Equal(("initial", "initial"), (fleet.World["a"], fleet.World["b"]));
        Assert.Equal(2, operation.Result["cleanUpDetail"]!["undone"]!.GetValue<int>());
    }

    [Fact]
    public async Task TakeOver_EffectResistsForGood_EndsTheTriesAndNamesWhatIsLeft()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node();
        fleet.World.UndoFails = key => key == "a";
        await node.StartAsync();
        var id = (await node.SubmitAsync("set:a set:b", more: r => r["undoAtEnd"] = true)).OperationId;
        await foreach (var happened in node.Get<IOperationFeed>().FollowAsync(id, 0))
        {
            if (happened.Text.StartsWith("still there", StringComparison.Ordinal)) break;
        }

        await node.Operations.TakeOverAsync(id, "I cut the cable myself", People.Operator);
        await node.EndAsync(id);

        var operation = await node.Reader.GetAsync(id);
        Assert.Equal(OperationState.Failed, operation.State);
        Assert.Contains("set a", operation.EndReason, StringComparison.Ordinal);
        Assert.Equal("failed", operation.Result["cleanUp"]!.GetValue<string>());
    }

    [Fact]
    public async Task TakeOver_NothingIsBeingCleanedUp_IsRefused()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node();
        var id = (await node.SubmitAsync("set:a")).OperationId;

        var refused = await Assert.ThrowsAsync<RequestRefusedException>(() => node.Operations.TakeOverAsync(id, "no", People.Operator));

        Assert.Equal("state", refused.Rule);
    }

    [Fact]
    public async Task Failover_FaultsLieInItsCluster_EndsAndUndoesThemFirst()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node();
        var hold = fleet.World.HoldAt("hold");
        await node.StartAsync();
        var fault = (await node.SubmitAsync("set:a set:hold", "cluster:orders/us-west-2", OperationKinds.Experiment, more: r => (r["undoAtEnd"], r["class"]) = (true, "Fault"))).OperationId;
        await hold.Reached;

        var failover = (await node.SubmitAsync("set:f", kind: OperationKinds.Failover)).OperationId;
        await node.EndAsync(failover);

        Assert.Equal(OperationState.Succeeded, (await node.Reader.GetAsync(failover)).State);
        Assert.Equal(OperationState.Cancelled, (await node.Reader.GetAsync(fault)).State);
        Assert.Equal("initial", fleet.World["a"]);
    }

    [Fact]
    public async Task Experiment_FailoverOfItsClusterRuns_IsRefusedAndAFaultElsewhereIsNot()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node();
        var hold = fleet.World.HoldAt("hold");
        await node.StartAsync();
        var failover = (await node.SubmitAsync("set:hold", kind: OperationKinds.Failover)).OperationId;
        await hold.Reached;

        var blocked = await Assert.ThrowsAsync<BlockedException>(() => node.SubmitAsync("set:a", "cluster:orders/us-west-2", OperationKinds.Experiment, more: r => r["class"] = "Fault"));
        await node.SubmitAsync("set:b", "cluster:other/us-west-2", OperationKinds.Experiment, more: r => r["class"] = "Fault");
        hold.LetGo();

        Assert.Equal(failover, blocked.BlockedBy);
    }
}
