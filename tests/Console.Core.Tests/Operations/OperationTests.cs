using System.Text.Json.Nodes;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Operations.Execution;

namespace OpsConsole.Core.Tests.Operations;

public sealed class OperationTests
{
    [Fact]
    public async Task Submit_OnAStartedNode_RunsAtOnceAndTellsItsStory()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node();
        await node.StartAsync();

        var submitted = await node.SubmitAsync("set:a wait set:b");
        var story = new List<OperationEvent>();
        await foreach (var happened in node.Get<IOperationFeed>().FollowAsync(submitted.OperationId, 0, Limit()))
            story.Add(happened);

        var operation = await node.Reader.GetAsync(submitted.OperationId);
        Assert.Equal(OperationState.Succeeded, operation.State);
        Assert.Equal(100, operation.ProgressPercent);
        Assert.Null(submitted.ApprovalId);
        Assert.Equal(["state", "state", "intent", "outcome", "intent", "said", "outcome", "intent", "outcome", "note", "state"], story.Select(e => e.Kind));
        Assert.Equal(story.Select(e => e.Sequence).Order(), story.Select(e => e.Sequence));
        Assert.Equal("new", fleet.World["b"]);
        Assert.Equal(["test.request", "test.start", "test.succeeded"], fleet.Audit.Entries.Select(e => e.Action));
        var resumed = new List<long>();
        await foreach (var happened in node.Get<IOperationFeed>().FollowAsync(submitted.OperationId, story[4].Sequence, Limit()))
            resumed.Add(happened.Sequence);
        Assert.Equal(story.Skip(5).Select(e => e.Sequence), resumed);
    }

    [Fact]
    public async Task Submit_ManyAtOnceForOneResource_ExactlyOneWins()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node();

        var tries = await Task.WhenAll(Enumerable.Range(0, 12).Select(async _ =>
        {
            try
            {
                return (Won: (await node.SubmitAsync("set:a")).OperationId, Blocker: Guid.Empty);
            }
            catch (BlockedException blocked)
            {
                return (Won: Guid.Empty, Blocker: blocked.BlockedBy);
            }
        }));

        var winner = Assert.Single(tries, t => t.Won != Guid.Empty).Won;
        Assert.Equal(11, tries.Count(t => t.Blocker == winner));
        Assert.Single(await node.Reader.ListAsync());
    }

    [Fact]
    public async Task Submit_OtherClassOfTheSameResource_IsNotBlocked()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node();
        await node.SubmitAsync("set:a");

        await node.SubmitAsync("set:b", more: r => r["class"] = "Data");

        Assert.Equal(2, (await node.Reader.ListAsync()).Count);
    }

    [Fact]
    public async Task Submit_FailoverDuringAnExperiment_EndsAndUndoesTheExperimentFirst()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node();
        var inside = new TaskCompletionSource();
        fleet.World.OnAct = async (context, key) =>
        {
            if (key == "hold")
            {
                inside.TrySetResult();
                await Task.Delay(Timeout.Infinite, context.Cancel);
            }
            if (key == "promote") Assert.Equal("initial", fleet.World["fault"]);
        };
        await node.StartAsync();
        var experiment = (await node.SubmitAsync("set:fault set:hold", kind: OperationKinds.Experiment)).OperationId;
        await inside.Task.WaitAsync(TimeSpan.FromSeconds(10));

        var failover = (await node.SubmitAsync("once:promote!", kind: OperationKinds.Failover)).OperationId;

        Assert.Equal(OperationState.Succeeded, (await EndAsync(node, failover)).State);
        Assert.Equal(OperationState.Cancelled, (await EndAsync(node, experiment)).State);
    }

    [Theory]
    [InlineData(OperationKinds.Failover)]
    [InlineData(OperationKinds.Restore)]
    public async Task Submit_FailoverDuringAFailoverOrRestore_IsBlockedByName(string holder)
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node();
        var first = (await node.SubmitAsync("set:a", kind: holder)).OperationId;

        var blocked = await Assert.ThrowsAsync<BlockedException>(() => node.SubmitAsync("set:b", kind: OperationKinds.Failover));

        Assert.Equal((first, holder), (blocked.BlockedBy, blocked.Kind));
    }

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

        var operation = await EndAsync(alive, id);
        Assert.Equal(OperationState.Succeeded, operation.State);
        Assert.Contains(await alive.Reader.EventsAsync(id), e => e.Kind == "takeover");
    }

    [Fact]
    public async Task Cancel_WhileRunning_UndoesAndProvesIt()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node();
        var inside = new TaskCompletionSource();
        fleet.World.OnAct = async (context, key) =>
        {
            if (key != "hold") return;
            inside.TrySetResult();
            await Task.Delay(Timeout.Infinite, context.Cancel);
        };
        await node.StartAsync();
        var id = (await node.SubmitAsync("set:a set:hold set:c")).OperationId;
        await inside.Task.WaitAsync(TimeSpan.FromSeconds(10));

        await node.Operations.CancelAsync(id, "wrong region", People.Operator);
        await node.Operations.CancelAsync(id, "again", People.Operator);

        var operation = await EndAsync(node, id);
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
        var (inside, go) = (new TaskCompletionSource(), new TaskCompletionSource());
        fleet.World.OnAct = async (_, key) =>
        {
            if (key != "hold") return;
            inside.TrySetResult();
            await go.Task;
        };
        await node.StartAsync();
        var id = (await node.SubmitAsync("once:promote! set:hold")).OperationId;
        await inside.Task.WaitAsync(TimeSpan.FromSeconds(10));

        var refused = await Assert.ThrowsAsync<RequestRefusedException>(() => node.Operations.CancelAsync(id, "no", People.Operator));
        go.SetResult();

        Assert.Equal("forwardOnly", refused.Rule);
        Assert.Equal(OperationState.Succeeded, (await EndAsync(node, id)).State);
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
        var failed = await EndAsync(node, id);
        Assert.Equal(OperationState.Failed, failed.State);
        Assert.Equal("new", fleet.World["a"]);
        Assert.True(failed.MayRetry);
        broken = false;

        await node.Operations.RetryAsync(id, "the link is back", People.Operator);

        Assert.Equal(OperationState.Succeeded, (await EndAsync(node, id)).State);
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

        Assert.Equal((first, back.Id), (back.RollbackOf, again.Id));
        Assert.Null((await node.Reader.GetAsync(first)).CommitUntil);
        var late = await Assert.ThrowsAsync<RequestRefusedException>(() => node.Operations.RollBackAsync(first, "once more", People.Operator));
        Assert.Equal("committed", late.Rule);
    }

    [Fact]
    public async Task Submit_SameIdempotencyKey_SameOperation()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node();

        var both = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => node.SubmitAsync("set:a", with: r => r with { IdempotencyKey = "k" })));

        Assert.Single(both.Distinct());
        var other = await Assert.ThrowsAsync<RequestRefusedException>(() => node.SubmitAsync("set:b", with: r => r with { IdempotencyKey = "k" }));
        Assert.Equal("idempotencyKey", other.Rule);
    }

    [Fact]
    public async Task Submit_BlockingCheckOrChangedPlan_IsRefusedWithReasons()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node();
        var shown = await node.Operations.PreviewAsync("test", new JsonObject { ["steps"] = "set:a", ["resource"] = "cluster:orders" });
        fleet.Planners[0].Value = "newer";

        var changed = await Assert.ThrowsAsync<RequestRefusedException>(() => node.SubmitAsync("set:a", with: r => r with { PlanHash = shown.Hash }));
        Assert.Equal(("planChanged", "steps[0].parameters.value"), (changed.Rule, Assert.Single(changed.Changes).Path));

        fleet.Planners[0].Measure = _ => new Preflight { Checks = [new PreflightCheck("lag", CheckVerdict.Blocking, "90 s", "60 s", "The target lags.")] };
        var blocked = await Assert.ThrowsAsync<RequestRefusedException>(() => node.SubmitAsync("set:a"));
        Assert.Equal(("preflight", "lag"), (blocked.Rule, Assert.Single(blocked.Checks).Id));
        Assert.Empty(await node.Reader.ListAsync());
    }

    [Fact]
    public async Task Submit_AuditFails_NothingIsDone()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node();
        fleet.Audit.Fails = true;

        await Assert.ThrowsAsync<InvalidOperationException>(() => node.SubmitAsync("set:a"));

        Assert.Empty(await node.Reader.ListAsync());
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
        await EndAsync(node, experiment);
        go.SetResult();

        var status = await stop.StatusAsync();
        Assert.True(status.Engaged);
        Assert.Equal(["set fault", "set hold"], status.Reverted.Select(r => r.Target));
        Assert.All(status.Reverted, r => Assert.NotNull(r.VerifiedAt));
        Assert.Equal(OperationState.Succeeded, (await EndAsync(node, failover)).State);
        var refused = await Assert.ThrowsAsync<RequestRefusedException>(() => node.SubmitAsync("set:c", "service:y", OperationKinds.Experiment));
        Assert.Equal("stopEngaged", refused.Rule);
        await stop.ReleaseAsync("all clear", People.Operator);
        await node.SubmitAsync("set:c", "service:y", OperationKinds.Experiment);
    }

    [Fact]
    public async Task Holds_AreKeptUntilTheirEnd()
    {
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        await using var fleet = await TestFleet.CreateAsync(clock);
        var automation = fleet.Node().Get<Automation>();

        await automation.SetAsync("region:us-east-1", Hold.Maintenance, "new disks", clock.GetUtcNow().AddHours(1), People.Operator);

        Assert.Equal("new disks", (await automation.HandsOffAsync(["region:us-east-1"]))!.Reason);
        Assert.Null(await automation.HandsOffAsync(["region:us-west-2"]));
        clock.Advance(TimeSpan.FromHours(2));
        Assert.Null(await automation.HandsOffAsync(["region:us-east-1"]));
        await automation.SetAsync(Automation.Fleet, Hold.AutomationPaused, "hands off", null, People.Operator);
        Assert.NotNull(await automation.HandsOffAsync(["region:us-west-2"]));
        var changes = await fleet.Node().Get<IChangeSource>().ReadAsync(clock.GetUtcNow().AddHours(-1), 10, default);
        Assert.Equal("Automation paused: fleet", Assert.Single(changes).Title);
        await Assert.ThrowsAsync<NotAllowedException>(() => automation.ClearAsync(Automation.Fleet, Hold.AutomationPaused, "x", People.Viewer));
    }

    [Fact]
    public async Task MonitoringPause_UntilItsEnd_CoversWhatItNames()
    {
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero));
        await using var fleet = await TestFleet.CreateAsync(clock);
        var (automation, pause) = (fleet.Node().Get<Automation>(), fleet.Node().Get<MonitoringPause>());
        await automation.SetAsync("service:api", Hold.MonitoringPaused, "noisy", clock.GetUtcNow().AddMinutes(30), People.Operator);
        await automation.SetAsync("service:db", Hold.Maintenance, "new disks", null, People.Operator);
        await pause.RefreshAsync();
        Assert.Equal((true, false), (pause.Covers("api"), pause.Covers("db")));
        clock.Advance(TimeSpan.FromHours(1)); // ended, though nobody has read it again
        Assert.False(pause.Covers("api"));
        await automation.SetAsync(Automation.Fleet, Hold.MonitoringPaused, "move", null, People.Operator);
        await pause.RefreshAsync();
        Assert.True(pause.Covers("db"));
    }

    internal static async Task<Operation> EndAsync(TestNode node, Guid id)
    {
        await foreach (var happened in node.Get<IOperationFeed>().FollowAsync(id, 0, Limit()))
            Assert.Equal(id, happened.OperationId);
        return await node.Reader.GetAsync(id);
    }

    internal static CancellationToken Limit() => new CancellationTokenSource(TimeSpan.FromSeconds(20)).Token;
}
