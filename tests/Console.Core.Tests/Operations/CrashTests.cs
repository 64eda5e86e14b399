using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Tests.Operations;

/// <summary>The process dies at every moment of an operation: before and after each journal entry, around each act and each undo. Whoever
/// comes next brings it to an end, and nothing that must not be repeated is.</summary>
public sealed class CrashTests
{
    private const string Reversible = "set:a set:b wait set:c";
    private const string WithPointOfNoReturn = "set:a set:b once:promote! set:c";
    private const string WithSection = "set:a set:b* once:promote!* set:c* set:d";
    private const string SectionThatTurnsBack = "set:a set:b* set:c* set:bad* set:d";

    [Theory]
    [InlineData(Reversible, "other")]
    [InlineData(Reversible, "a")]
    [InlineData(WithPointOfNoReturn, "other")]
    [InlineData(WithSection, "other")]
    [InlineData(WithSection, "a")]
    public async Task Run_KilledAtEveryMoment_SucceedsOnTheNextNode(string steps, string next)
    {
        await KillEverywhereAsync(steps, next, more: null, (operation, world, moment) =>
        {
            Assert.True(operation.State == OperationState.Succeeded, $"{moment}: {operation.State} {operation.EndReason}");
            Assert.All(operation.Steps, s => Assert.True(s.State == StepState.Done, $"{moment}: {s}"));
            Assert.All(world.Acts.Where(a => a.Key.StartsWith("promote", StringComparison.Ordinal)), a => Assert.Equal(1, a.Value));
        });
    }

    [Theory]
    [InlineData("set:a set:b wait set:bad", "other")]
    [InlineData(SectionThatTurnsBack, "other")]
    [InlineData(SectionThatTurnsBack, "a")]
    public async Task Run_StepFailsAndKilledAtEveryMoment_EverythingIsUndone(string steps, string next)
    {
        await KillEverywhereAsync(steps, next, more: null, (operation, world, moment) =>
        {
            Assert.True(operation.State == OperationState.RolledBack, $"{moment}: {operation.State} {operation.EndReason}");
            Assert.All(world.Facts, f => Assert.True(f.Value == "initial", $"{moment}: {f.Key} is {f.Value}"));
        });
    }

    [Fact]
    public async Task Run_TemporaryEffectsAndKilledAtEveryMoment_NothingIsLeft()
    {
        await KillEverywhereAsync("set:a wait set:b", "other", request => request["undoAtEnd"] = true, (operation, world, moment) =>
        {
            Assert.True(operation.State == OperationState.Succeeded, $"{moment}: {operation.State} {operation.EndReason}");
            Assert.All(world.Facts, f => Assert.Equal("initial", f.Value));
            Assert.Equal("passed", operation.Result["cleanUp"]!.GetValue<string>());
        });
    }

    [Fact]
    public async Task Run_CancelledAndKilledAtEveryMoment_EndsCancelledWithNothingLeft()
    {
        await KillEverywhereAsync("set:a set:b set:cancelHere set:c", "other", more: null, (operation, world, moment) =>
        {
            Assert.True(operation.State == OperationState.Cancelled, $"{moment}: {operation.State} {operation.EndReason}");
            Assert.All(world.Facts, f => Assert.Equal("initial", f.Value));
        });
    }

    [Theory]
    [InlineData(WithSection, OperationState.Succeeded)]
    [InlineData(SectionThatTurnsBack, OperationState.RolledBack)]
    public async Task Run_KilledAgainAndAgain_StillComesToItsEnd(string steps, OperationState end)
    {
        for (var sample = 0; sample < 8; sample++)
        {
            await using var fleet = await TestFleet.CreateAsync();
            fleet.World.BeforeAct = key => key == "bad" ? throw new StepFailedException("no") : Task.CompletedTask;
            var id = (await fleet.Node("reader").SubmitAsync(steps)).OperationId;
            for (var start = 0; start < 40 && !(await fleet.Node("reader").Reader.GetAsync(id)).State.IsEnd(); start++)
            {
                await using var node = fleet.Node($"n{start % 3}");
                node.Trace.KillAt = 3 + (sample * 7 + start * 5) % 11; // later than what a takeover itself needs, so that each start gets on
                await node.RunAsync(id);
                await fleet.LeasesRunOutAsync();
            }
            var operation = await fleet.Node("reader").Reader.GetAsync(id);
            Assert.Equal(end, operation.State);
            Assert.True(fleet.World.Acts.GetValueOrDefault("promote") <= 1);
            if (end == OperationState.RolledBack) Assert.All(fleet.World.Facts, f => Assert.Equal("initial", f.Value));
        }
    }

    /// <summary>First a run that lives, to learn the moments; then one operation for each moment, killed there and taken over by another node.</summary>
    internal static async Task KillEverywhereAsync(string steps, string next, Action<System.Text.Json.Nodes.JsonObject>? more, Action<Operation, ScriptedWorld, string> verify)
    {
        await using var fleet = await TestFleet.CreateAsync();
        fleet.World.BeforeAct = key => key == "bad" ? throw new StepFailedException("no") : Task.CompletedTask;
        fleet.World.OnAct = async (context, key) =>
        {
            if (key == "cancelHere") await CancelAsync(fleet, context);
        };
        var moments = await RunAsync(fleet, steps, "dry", next, -1, more, verify);
        Assert.True(moments.Count > 8, string.Join(", ", moments));
        for (var moment = 0; moment < moments.Count; moment++)
        {
            foreach (var known in new[] { fleet.World.Facts.Keys, fleet.World.Acts.Keys }.SelectMany(k => k).ToList())
                (fleet.World.Facts as IDictionary<string, string>).Remove(known);
            fleet.World.Acts.Clear();
            await RunAsync(fleet, steps, $"k{moment}", next, moment, more, verify);
        }
        Assert.Equal(1, fleet.World.MostConcurrent);
    }

    private static async Task<IReadOnlyList<string>> RunAsync(
        TestFleet fleet, string steps, string name, string next, int killAt, Action<System.Text.Json.Nodes.JsonObject>? more, Action<Operation, ScriptedWorld, string> verify)
    {
        IReadOnlyList<string> seen;
        Guid id;
        await using (var first = fleet.Node("a"))
        {
            first.Trace.KillAt = killAt;
            id = (await first.SubmitAsync(steps, $"cluster:{name}", more: more)).OperationId;
            await first.RunAsync(id);
            seen = first.Trace.Seen;
            Assert.Equal(killAt >= 0, first.Trace.Killed);
        }
        if (killAt >= 0)
        {
            await fleet.LeasesRunOutAsync();
            await using var second = fleet.Node(next);
            await second.RunAsync(id);
        }
        await using var reader = fleet.Node("reader");
        verify(await reader.Reader.GetAsync(id), fleet.World, killAt < 0 ? "alive" : seen[killAt]);
        return seen;
    }

    private static async Task CancelAsync(TestFleet fleet, StepContext context)
    {
        await using var other = fleet.Node("person");
        await other.Operations.CancelAsync(context.OperationId, "enough", People.Operator);
        await Task.Delay(Timeout.Infinite, context.Cancel); // the runner hears of it and ends the step
    }
}
