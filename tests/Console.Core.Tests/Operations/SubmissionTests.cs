using System.Text.Json.Nodes;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Tests.Operations;

/// <summary>Who may begin what: claims, idempotency, preflight, audit.</summary>
public sealed class SubmissionTests
{
    [Fact]
    public async Task Submit_OnAStartedNode_RunsAtOnceAndTellsItsStory()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node();
        await node.StartAsync();

        var submitted = await node.SubmitAsync("set:a wait set:b");
        var story = new List<OperationEvent>();
        await foreach (var happened in node.Get<IOperationFeed>().FollowAsync(submitted.OperationId, 0, TestNode.Limit()))
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
        await foreach (var happened in node.Get<IOperationFeed>().FollowAsync(submitted.OperationId, story[4].Sequence, TestNode.Limit()))
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

        Assert.Equal(OperationState.Succeeded, (await node.EndAsync(failover)).State);
        Assert.Equal(OperationState.Cancelled, (await node.EndAsync(experiment)).State);
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
    public async Task Submit_SameIdempotencyKey_SameOperation()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node();

        var both = await Task.WhenAll(Enumerable.Range(0, 6).Select(_ => node.SubmitAsync("set:a", with: r => r with { IdempotencyKey = "k" })));

        Assert.Single(both.Distinct());
        var other = await Assert.ThrowsAsync<RequestRefusedException>(() => node.SubmitAsync("set:b", with: r => r with { IdempotencyKey = "k" }));
        Assert.Equal("idempotencyKey", other.Rule);
        var glass = await Assert.ThrowsAsync<RequestRefusedException>(() => node.SubmitAsync("set:a", with: r => r with { IdempotencyKey = "k", BreakGlassReason = "all is burning" }));
        Assert.Equal("idempotencyKey", glass.Rule); // whoever breaks the glass hears that it is whole
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
}
