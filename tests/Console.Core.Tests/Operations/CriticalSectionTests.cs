using Npgsql;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Operations.Execution;

namespace OpsConsole.Core.Tests.Operations;

/// <summary>From fencing to verification an operation does not need the console's database.</summary>
public sealed class CriticalSectionTests
{
    private const string Steps = "set:a set:b* once:promote!* set:c* set:d";

    [Fact]
    public async Task Run_DatabaseAwayDuringTheSection_SectionIsFinishedAndReconciledAfterwards()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node();
        var away = false;
        var finished = new TaskCompletionSource();
        fleet.World.OnAct = async (_, key) =>
        {
            if (key == "b")
            {
                away = true;
                await DatabaseAsync(fleet, away: true);
            }
            if (key == "c") finished.TrySetResult();
        };
        var id = (await node.SubmitAsync(Steps)).OperationId;
        var run = node.RunAsync(id);

        await finished.Task.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.True(away);
        Assert.Equal("initial", fleet.World["d"]);
        Assert.Single(LocalJournal.Files(node.Get<NodeIdentity>().Directory));
        await DatabaseAsync(fleet, away: false);
        await run;

        var operation = await node.Reader.GetAsync(id);
        Assert.Equal(OperationState.Succeeded, operation.State);
        Assert.Equal(1, fleet.World.Acts["promote"]);
        Assert.Empty(LocalJournal.Files(node.Get<NodeIdentity>().Directory));
        var story = await node.Reader.EventsAsync(id);
        Assert.Equal([1, 1, 2, 2, 3, 3], story.Where(e => e.Kind is "intent" or "outcome" && e.Step is > 0 and < 4).Select(e => e.Step!.Value));
    }

    [Fact]
    public async Task Run_DatabaseAwayAndTheSectionFails_ItIsUndoneWithoutTheDatabase()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node();
        var undone = new TaskCompletionSource();
        fleet.World.OnAct = (_, key) => key == "b" ? DatabaseAsync(fleet, away: true) : Task.CompletedTask;
        fleet.World.BeforeAct = key => key == "bad" ? throw new StepFailedException("fencing could not be verified") : Task.CompletedTask;
        fleet.World.UndoFails = key =>
        {
            if (key == "b") undone.TrySetResult();
            return false;
        };
        var id = (await node.SubmitAsync("set:a set:b* set:bad*")).OperationId;
        var run = node.RunAsync(id);

        await undone.Task.WaitAsync(TimeSpan.FromSeconds(10));
        await DatabaseAsync(fleet, away: false);
        await run;

        var operation = await node.Reader.GetAsync(id);
        Assert.Equal((OperationState.RolledBack, "initial", "initial"), (operation.State, fleet.World["a"], fleet.World["b"]));
        Assert.Contains("fencing", operation.EndReason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Restart_AfterDyingInTheSectionWithoutTheDatabase_GoesOnFromTheLocalJournal()
    {
        await using var fleet = await TestFleet.CreateAsync();
        Guid id;
        await using (var first = fleet.Node("a"))
        {
            fleet.World.OnAct = async (_, key) =>
            {
                if (key == "b") await DatabaseAsync(fleet, away: true);
                if (key == "c") throw new KilledException();
            };
            id = (await first.SubmitAsync(Steps)).OperationId;
            await first.RunAsync(id);
        }
        fleet.World.OnAct = (_, _) => Task.CompletedTask;
        await DatabaseAsync(fleet, away: false);
        Assert.Equal(StepState.Pending, (await fleet.Node("reader").Reader.GetAsync(id)).Steps[2].State);

        var restarted = fleet.Node("a");
        await restarted.StartAsync();

        var operation = await restarted.EndAsync(id);
        Assert.Equal(OperationState.Succeeded, operation.State);
        Assert.Equal(1, fleet.World.Acts["promote"]);
        Assert.Contains(await restarted.Reader.EventsAsync(id), e => e is { Kind: "outcome", Step: 2 });
        Assert.Empty(LocalJournal.Files(restarted.Get<NodeIdentity>().Directory));
    }

    [Fact]
    public async Task Takeover_WhileTheSectionIsCovered_WaitsForProofOfTheHoldersEnd()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var sessions = new FakeSessions();
        var dead = fleet.Node("dead", sessions: sessions);
        fleet.World.OnAct = (_, key) => key == "b" ? throw new KilledException() : Task.CompletedTask;
        var id = (await dead.SubmitAsync(Steps)).OperationId;
        await dead.RunAsync(id);
        fleet.World.OnAct = (_, _) => Task.CompletedTask;
        await fleet.ExecuteAsync("UPDATE ops.operation SET lease_until = '-infinity'");
        sessions.HolderLives = true;
        var alive = fleet.Node("alive", sessions: sessions);

        await alive.StartAsync();
        await sessions.Asked.Task.WaitAsync(TimeSpan.FromSeconds(10));
        Assert.Equal(OperationState.Running, (await alive.Reader.GetAsync(id)).State);
        Assert.Equal(0, sessions.Ended);
        sessions.HolderLives = false;

        Assert.Equal(OperationState.Succeeded, (await alive.EndAsync(id)).State);
        Assert.Equal(1, sessions.Ended);
    }

    [Fact]
    public async Task Lease_DatabaseAwayOutsideTheSection_RunnerStopsActing()
    {
        await using var fleet = await TestFleet.CreateAsync();
        var node = fleet.Node("a", o => o.LeaseSeconds = 0.6);
        fleet.World.OnAct = (_, key) => key == "a" ? DatabaseAsync(fleet, away: true) : Task.CompletedTask;
        var id = (await node.SubmitAsync("set:a set:b")).OperationId;

        await Assert.ThrowsAsync<LeaseLostException>(() => node.RunAsync(id));

        await DatabaseAsync(fleet, away: false);
        Assert.Equal("initial", fleet.World["b"]);
        Assert.Equal(StepState.Running, (await node.Reader.GetAsync(id)).Steps[0].State);
    }

    [Fact]
    public void LocalJournal_TornLastLine_IsIgnored()
    {
        var directory = Directory.CreateTempSubdirectory("ops-journal").FullName;
        var id = Guid.NewGuid();
        using (var journal = LocalJournal.Open(directory, id, 7))
        {
            journal.Append(new JournalEntry("intent", 1, "ä", DateTimeOffset.UnixEpoch) { State = StepState.Running }, 7);
            journal.Append(new JournalEntry("outcome", 1, "", DateTimeOffset.UnixEpoch) { State = StepState.Done }, 7);
        }
        var file = Assert.Single(LocalJournal.Files(directory));
        Assert.Equal((id, 7L), (file.Operation, file.Epoch));
        var text = File.ReadAllText(file.Path);

        File.WriteAllText(file.Path, text[..^9]);
        Assert.Equal(["intent"], LocalJournal.Read(file.Path).Select(e => e.Kind));
        File.WriteAllText(file.Path, text.Replace("ä", "a", StringComparison.Ordinal));
        Assert.Empty(LocalJournal.Read(file.Path));
        Directory.Delete(directory, recursive: true);
    }

    /// <summary>Refuses new connections and ends the present ones, as a stopped server would.</summary>
    private static async Task DatabaseAsync(TestFleet fleet, bool away)
    {
        await fleet.Database.ExecuteAsSuperuserAsync($"ALTER ROLE {fleet.Database.Name}_app {(away ? "NOLOGIN" : "LOGIN")}");
        if (away) await fleet.Database.ExecuteAsSuperuserAsync($"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '{fleet.Database.Name}_app'");
    }

    private sealed class FakeSessions : IFleetSessions
    {
        public bool HolderLives { get; set; }
        public int Ended { get; private set; }
        public TaskCompletionSource Asked { get; } = new();

        public IFleetSession Open(string cluster, string label) => new Session(cluster);
        public IFleetSession Rehearse(string cluster) => Open(cluster, "rehearsal");

        public Task<int> EndHoldersAsync(string cluster, CancellationToken cancel)
        {
            Ended++;
            return Task.FromResult(1);
        }

        public Task<bool> HolderGoneAsync(string cluster, CancellationToken cancel)
        {
            Asked.TrySetResult();
            return Task.FromResult(!HolderLives);
        }

        private sealed class Session(string cluster) : IFleetSession
        {
            public string Cluster => cluster;
            public Task<T> UseAsync<T>(string region, Func<NpgsqlConnection, CancellationToken, Task<T>> work, CancellationToken cancel) => throw new NotSupportedException();
            public Task<int> OpenAllAsync(CancellationToken cancel) => Task.FromResult(3);
            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }
}
