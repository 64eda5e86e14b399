using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Tests.Operations;

/// <summary>How an operation ends: cancelled, failed, undone, taken back, stopped.</summary>
public sealed class EndingTests
{
    [Fact]
    public async Task Cancel_WhileRunning_UndoesAndProvesIt()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node();
        var hold = fleet.World.HoldAt("hold");
        await node.StartAsync();
        var id = (await node.SubmitAsync("set:a set:hold set:c")).OperationId;
        await hold.Reached;

        await node.Operations.CancelAsync(id, "wrong region", People.Operator);
        await node.Operations.CancelAsync(id, "again", People.Operator);

        var operation = await node.EndAsync(id);
        Assert.Equal((OperationState.Cancelled, "wrong region"), (operation.State, operation.EndReason));
        Assert.Equal([StepState.Undone, StepState.Undone, StepState.Pending], operation.Steps.Select(s => s.State));
        Assert.Equal(2, operation.Result["cleanUpDetail"]!["undone"]!.GetValue<int>());
        Assert.NotNull(operation.Result["cleanUpDetail"]!["verifiedAt"]);
    }

    [Fact]
    public async Task Cancel_PastThePointOfNoReturn_IsRefusedAndTheOperationFinishes()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node();
        var hold = fleet.World.HoldAt("hold");
        await node.StartAsync();
        var id = (await node.SubmitAsync("once:promote! set:hold")).OperationId;
        await hold.Reached;

        var refused = await Assert.ThrowsAsync<RequestRefusedException>(() => node.Operations.CancelAsync(id, "no", People.Operator));
        hold.LetGo();

        Assert.Equal("forwardOnly", refused.Rule);
        Assert.Equal(OperationState.Succeeded, (await node.EndAsync(id)).State);
    }

    [Fact]
    public async Task Cancel_InTheLastMomentBeforeThePointOfNoReturn_Wins()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node("a", o => o.RenewSeconds = 3); // the runner does not hear of it in time: the record refuses
        var person = fleet.Node("person");
        var id = (await node.SubmitAsync("set:a once:promote!")).OperationId;
        node.Trace.OnPoint = point => point == "1: before intent" ? person.Operations.CancelAsync(id, "stop", People.Operator) : Task.CompletedTask;

        await node.RunAsync(id);

        Assert.Equal(OperationState.Cancelled, (await node.Reader.GetAsync(id)).State);
        Assert.False(fleet.World.Acts.ContainsKey("promote"));
        Assert.Equal("initial", fleet.World["a"]);
    }

    [Fact]
    public async Task Run_StepFailsPastThePointOfNoReturn_NothingIsUndoneAndItCanBeRetried()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node();
        var broken = true;
        fleet.World.BeforeAct = key => key == "b" && broken ? throw new StepFailedException("the link is down") : Task.CompletedTask;
        await node.StartAsync();
        var id = (await node.SubmitAsync("set:a once:promote! set:b")).OperationId;
        var failed = await node.EndAsync(id);
        Assert.Equal(OperationState.Failed, failed.State);
        Assert.Equal("new", fleet.World["a"]);
        Assert.True(failed.MayRetry);
        broken = false;

        await node.Operations.RetryAsync(id, "the link is back", People.Operator);

        Assert.Equal(OperationState.Succeeded, (await node.EndAsync(id)).State);
        Assert.Equal(1, fleet.World.Acts["promote"]);
    }

    [Fact]
    public async Task Run_OptionalStepFails_TheRestGoesOn()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node();
        fleet.World.BeforeAct = key => key == "b" ? throw new StepFailedException("no") : Task.CompletedTask;
        var id = (await node.SubmitAsync("set:a set:b? set:c")).OperationId;

        await node.RunAsync(id);

        var operation = await node.Reader.GetAsync(id);
        Assert.Equal(OperationState.Succeeded, operation.State);
        Assert.Equal([StepState.Done, StepState.Skipped, StepState.Done], operation.Steps.Select(s => s.State));
    }

    [Fact]
    public async Task Run_UndoKeepsFailing_TheOthersAreUndoneAndItSaysWhatIsLeft()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node();
        fleet.World.BeforeAct = key => key == "bad" ? throw new StepFailedException("no") : Task.CompletedTask;
        fleet.World.UndoFails = key => key == "b";
        var id = (await node.SubmitAsync("set:a set:b set:c set:bad")).OperationId;

        await node.RunAsync(id);

        var operation = await node.Reader.GetAsync(id);
        Assert.Equal(OperationState.Failed, operation.State);
        Assert.Contains("set b", operation.EndReason, StringComparison.Ordinal);
        Assert.Equal(("initial", "new", "initial"), (fleet.World["a"], fleet.World["b"], fleet.World["c"]));
        Assert.Equal(3, fleet.World.Undos["b"]);
    }

    [Fact]
    public async Task Run_EffectIsInForceAlready_IsFoundAndNotUndone()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node();
        fleet.World.Facts["a"] = "new";
        fleet.World.BeforeAct = key => key == "bad" ? throw new StepFailedException("no") : Task.CompletedTask;
        var id = (await node.SubmitAsync("set:a set:b set:bad")).OperationId;

        await node.RunAsync(id);

        Assert.Equal(("new", "initial"), (fleet.World["a"], fleet.World["b"]));
        Assert.Equal(StepState.Found, (await node.Reader.GetAsync(id)).Steps[0].State);
    }

    [Fact]
    public async Task RollBack_WithinTheCommitWindow_IsANewOperation_AndLaterOnesCommit()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node();
        var first = (await node.SubmitAsync("set:a", more: r => r["window"] = 600.0)).OperationId;
        await node.RunAsync(first);
        Assert.NotNull((await node.Reader.GetAsync(first)).CommitUntil);

        var back = await node.Operations.RollBackAsync(first, "worse than before", People.Operator);
        var again = await node.Operations.RollBackAsync(first, "worse than before", People.Operator);
        await node.RunAsync(back.Id);
        var lostAnswer = await node.Operations.RollBackAsync(first, "worse than before", People.Operator);

        Assert.Equal((first, back.Id, back.Id), (back.RollbackOf, again.Id, lostAnswer.Id));
        Assert.Null((await node.Reader.GetAsync(first)).CommitUntil);
        var late = await Assert.ThrowsAsync<RequestRefusedException>(() => node.Operations.RollBackAsync(first, "once more", People.Operator));
        Assert.Equal("committed", late.Rule);
    }

    [Fact]
    public async Task CommitWindow_LaterOperationIsUndone_StaysOpen()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node();
        fleet.World.BeforeAct = key => key == "bad" ? throw new StepFailedException("no") : Task.CompletedTask;
        var first = (await node.SubmitAsync("set:a", more: r => r["window"] = 600.0)).OperationId;
        await node.RunAsync(first);

        var undone = (await node.SubmitAsync("set:b set:bad")).OperationId;
        await node.RunAsync(undone);
        Assert.Equal(OperationState.RolledBack, (await node.Reader.GetAsync(undone)).State);
        Assert.NotNull((await node.Reader.GetAsync(first)).CommitUntil);

        await node.RunAsync((await node.SubmitAsync("set:c")).OperationId);
        Assert.Null((await node.Reader.GetAsync(first)).CommitUntil);
    }

    [Fact]
    public async Task RollBack_AfterOneThatCameToNothing_IsAnotherOperation()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node();
        var first = (await node.SubmitAsync("set:a", more: r => r["window"] = 600.0)).OperationId;
        await node.RunAsync(first);
        var back = await node.Operations.RollBackAsync(first, "worse than before", People.Operator);
        await node.Operations.CancelAsync(back.Id, "not yet", People.Operator);

        var again = await node.Operations.RollBackAsync(first, "worse than before", People.Operator);
        await node.RunAsync(again.Id);

        Assert.NotEqual(back.Id, again.Id);
        Assert.Equal("new", fleet.World["back"]);
    }

    [Fact]
    public async Task RollBack_WhereItCameFromIsNotWell_IsRefusedAndCancelStillTurnsItRound()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node();
        fleet.Planners[0].WayBack = [new PreflightCheck("way-back", CheckVerdict.Blocking, "failed", "healthy", "us, where it would go back to, is failed.")];
        var hold = fleet.World.HoldAt("hold");
        await node.StartAsync();
        var id = (await node.SubmitAsync("set:a set:hold")).OperationId;
        await hold.Reached;

        var refused = await Assert.ThrowsAsync<RequestRefusedException>(() => node.Operations.RollBackAsync(id, "worse", People.Operator));
        Assert.Equal(("preflight", "way-back"), (refused.Rule, Assert.Single(refused.Checks).Id));
        await node.Operations.CancelAsync(id, "all the same", People.Operator);

        Assert.Equal(OperationState.Cancelled, (await node.EndAsync(id)).State);
        Assert.Equal("initial", fleet.World["a"]);
    }

    [Theory]
    [InlineData("set:b", 3)]
    [InlineData("set:b?", 1)]
    public async Task Run_StepFailsPastThePointOfNoReturn_OnlyWhatIsNeededIsTriedStubbornly(string step, int tries)
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node();
        var tried = 0;
        fleet.World.BeforeAct = key => key == "b" && ++tried > 0 ? throw new StepFailedException("the region is gone") : Task.CompletedTask;

        await node.RunAsync((await node.SubmitAsync($"once:promote! {step}")).OperationId);

        Assert.Equal(tries, tried);
    }

    [Fact]
    public async Task EmergencyStop_EndsExperimentsOnly_AndSaysWhatWasReverted()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node();
        var inside = new CountdownEvent(2);
        var go = new TaskCompletionSource();
        fleet.World.OnAct = async (context, key) =>
        {
            if (key != "hold" && key != "failing") return;
            inside.Signal();
            await go.Task.WaitAsync(context.Cancel);
        };
        await node.StartAsync();
        var experiment = (await node.SubmitAsync("set:fault set:hold", "service:x", OperationKinds.Experiment)).OperationId;
        var failover = (await node.SubmitAsync("set:failing", kind: OperationKinds.Failover)).OperationId;
        await Task.Run(() => Assert.True(inside.Wait(TimeSpan.FromSeconds(10))));
        var stop = node.Get<EmergencyStop>();

        await stop.EngageAsync("something smells", People.Operator);
        await node.EndAsync(experiment);
        go.SetResult();

        var status = await stop.StatusAsync();
        Assert.True(status.Engaged);
        Assert.Equal(["set fault", "set hold"], status.Reverted.Select(r => r.Target));
        Assert.All(status.Reverted, r => Assert.NotNull(r.VerifiedAt));
        Assert.Equal(OperationState.Succeeded, (await node.EndAsync(failover)).State);
        var refused = await Assert.ThrowsAsync<RequestRefusedException>(() => node.SubmitAsync("set:c", "service:y", OperationKinds.Experiment));
        Assert.Equal("stopEngaged", refused.Rule);
        await stop.ReleaseAsync("all clear", People.Operator);
        await node.SubmitAsync("set:c", "service:y", OperationKinds.Experiment);
    }
}
