using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Failover.Steps;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Tests.Failover;

/// <summary>A console that was thawed, or replaced while it stood still, goes on where it was: a real standby that has seen a newer epoch meanwhile
/// refuses it before anything is done.</summary>
public sealed class EpochGuardTests
{
    private static readonly string[] Acting = [FenceSource.StepName, Promote.StepName, CutWrites.StepName, LeadWrites.StepName, ShiftTraffic.StepName];

    [Fact]
    public async Task Act_NodeHasSeenAnotherOperationsEpoch_IsRefusedForGoodAndNothingIsDone()
    {
        await using var world = await StepWorld.StartAsync();
        var (mine, theirs) = (Guid.NewGuid(), Guid.NewGuid());
        await world.RaisedAsync(7, theirs);
        foreach (var step in Acting)
        {
            var refused = await Assert.ThrowsAsync<StepFailedException>(() => world.Step(step).ActAsync(world.Context(mine, fleetEpoch: 5, runnerEpoch: 5)));
            Assert.True(refused.Final);
            Assert.Contains(theirs.ToString(), refused.Message, StringComparison.Ordinal);
        }
        await world.NothingWasDoneAsync();
    }

    [Fact]
    public async Task Act_RunnerWasReplacedByATakeOver_LosesItsLeaseAndNothingIsDone()
    {
        await using var world = await StepWorld.StartAsync();
        var operation = Guid.NewGuid();
        await world.RaisedAsync(7, operation); // by the runner that took it over
        foreach (var step in Acting)
            await Assert.ThrowsAsync<LeaseLostException>(() => world.Step(step).ActAsync(world.Context(operation, fleetEpoch: 5, runnerEpoch: 5)));
        await world.NothingWasDoneAsync();
    }

    [Fact]
    public async Task Raise_OlderOrSameEpochOfAnother_IsRefusedByTheNode()
    {
        await using var world = await StepWorld.StartAsync();
        var first = Guid.NewGuid();
        await world.RaisedAsync(7, first);
        await using var node = await world.OpenAsync();
        foreach (var epoch in new long[] { 6, 7 }) Assert.False(await EpochRegister.RaiseAsync(node, epoch, Guid.NewGuid(), TestContext.Current.CancellationToken));
        Assert.Equal(new FleetEpoch(7, first), await EpochRegister.ReadAsync(node, TestContext.Current.CancellationToken));
    }
}
