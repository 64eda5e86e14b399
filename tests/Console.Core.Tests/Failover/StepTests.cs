using System.Text.Json.Nodes;
using NpgsqlTypes;
using OpsConsole.Core.Failover;
using OpsConsole.Core.Failover.Steps;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Tests.Failover;

/// <summary>Steps of a failover that decide something, by themselves.</summary>
public sealed class StepTests
{
    [Theory]
    [InlineData(50L << 20, 20L << 20, false)]
    [InlineData(50L << 20, 80L << 20, true)]
    [InlineData(null, 80L << 20, false)] // nobody knows how far the source had come
    [InlineData(50L << 20, null, true)]
    public async Task CatchUp_LossIsBounded_TurnsBackBeforeThePromotionWhenMoreIsMissing(long? missing, long? bound, bool goesOn)
    {
        await using var world = await StepWorld.StartAsync();
        var operation = Guid.NewGuid();
        await world.RaisedAsync(7, operation);
        var context = world.Context(operation, fleetEpoch: 7, runnerEpoch: 7);
        if (missing is { } bytes) context.Outputs.Set(Outputs.SourcePosition, new NpgsqlLogSequenceNumber(await world.PositionAsync() + (ulong)bytes).ToString());
        if (bound is { } most) context.Step.Parameters[FailoverPlanner.LostBytesBound] = most;

        if (goesOn) await world.Step(CatchUp.StepName).ActAsync(context);
        else Assert.Contains("was approved", (await Assert.ThrowsAsync<StepFailedException>(() => world.Step(CatchUp.StepName).ActAsync(context))).Message, StringComparison.Ordinal);
        await world.NothingWasDoneAsync();
    }

    [Theory]
    [InlineData(HealthStatus.Failed, HealthStatus.Healthy, true)]
    [InlineData(HealthStatus.Critical, HealthStatus.Unknown, true)]
    [InlineData(HealthStatus.Failed, HealthStatus.Failed, false)] // the target keeps nobody any better
    [InlineData(HealthStatus.Healthy, HealthStatus.Healthy, false)]
    [InlineData(HealthStatus.Unknown, HealthStatus.Healthy, false)] // not known to be bad
    public async Task ShiftTraffic_TakenBack_LeavesCustomersAwayFromASourceThatIsUnwell(HealthStatus source, HealthStatus target, bool stays)
    {
        await using var world = await StepWorld.StartAsync();
        world.Picture = FleetSnapshot.Empty with { Regions = FleetSnapshot.Empty.Regions.Add("us", Region("us", source)).Add("west", Region("west", target)) };
        var operation = Guid.NewGuid();
        await world.RaisedAsync(7, operation);
        var context = world.Context(operation, fleetEpoch: 7, runnerEpoch: 7);
        var step = world.Step(ShiftTraffic.StepName);

        if (stays)
        {
            await step.UndoAsync(context);
            Assert.True(await step.IsUndoneAsync(context));
            await world.NothingWasDoneAsync();
            return;
        }
        var undo = step.UndoAsync(context);
        await world.TrafficManagerAskedAsync();
        world.GiveUp();
        await Assert.ThrowsAnyAsync<Exception>(() => undo);
        Assert.False(context.Outputs.Has(Outputs.Stays));
    }

    private static RegionState Region(string id, HealthStatus status) => new(id, RegionRole.Secondary, status, 100, 25, DateTimeOffset.UnixEpoch, DateTimeOffset.UnixEpoch, "", 1);
}
