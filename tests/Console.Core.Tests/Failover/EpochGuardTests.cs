using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using System.Text.Json.Nodes;
using Npgsql;
using NpgsqlTypes;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Drivers.Redis;
using OpsConsole.Core.Failover;
using OpsConsole.Core.Failover.Detection;
using OpsConsole.Core.Failover.Measuring;
using OpsConsole.Core.Failover.Steps;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health.Probing.Net;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Traffic;
using OpsConsole.Testing;

namespace OpsConsole.Core.Tests.Failover;

/// <summary>A console that was thawed, or replaced while it stood still, goes on where it was: a real standby that has seen a newer epoch meanwhile
/// refuses it before anything is done.</summary>
public sealed class EpochGuardTests
{
    private static readonly string[] Acting = [FenceSource.StepName, Promote.StepName, CutWrites.StepName, LeadWrites.StepName, ShiftTraffic.StepName];

    [Fact]
    public async Task Act_NodeHasSeenAnotherOperationsEpoch_IsRefusedForGoodAndNothingIsDone()
    {
        await using var world = await World.StartAsync();
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
        await using var world = await World.StartAsync();
        var operation = Guid.NewGuid();
        await world.RaisedAsync(7, operation); // by the runner that took it over
        foreach (var step in Acting)
            await Assert.ThrowsAsync<LeaseLostException>(() => world.Step(step).ActAsync(world.Context(operation, fleetEpoch: 5, runnerEpoch: 5)));
        await world.NothingWasDoneAsync();
    }

    [Fact]
    public async Task Raise_OlderOrSameEpochOfAnother_IsRefusedByTheNode()
    {
        await using var world = await World.StartAsync();
        var first = Guid.NewGuid();
        await world.RaisedAsync(7, first);
        await using var node = await world.OpenAsync();
        foreach (var epoch in new long[] { 6, 7 }) Assert.False(await EpochRegister.RaiseAsync(node, epoch, Guid.NewGuid(), TestContext.Current.CancellationToken));
        Assert.Equal(new FleetEpoch(7, first), await EpochRegister.ReadAsync(node, TestContext.Current.CancellationToken));
    }

    [Theory]
    [InlineData(50L << 20, 20L << 20, false)]
    [InlineData(50L << 20, 80L << 20, true)]
    [InlineData(null, 80L << 20, false)] // nobody knows how far the source had come
    [InlineData(50L << 20, null, true)]
    public async Task CatchUp_LossIsBounded_TurnsBackBeforeThePromotionWhenMoreIsMissing(long? missing, long? bound, bool goesOn)
    {
        await using var world = await World.StartAsync();
        var operation = Guid.NewGuid();
        await world.RaisedAsync(7, operation);
        var context = world.Context(operation, fleetEpoch: 7, runnerEpoch: 7);
        if (missing is { } bytes) context.Outputs.Set(Outputs.SourcePosition, new NpgsqlLogSequenceNumber(await world.PositionAsync() + (ulong)bytes).ToString());
        if (bound is { } most) context.Step.Parameters[FailoverPlanner.LostBytesBound] = most;

        if (goesOn) await world.Step(CatchUp.StepName).ActAsync(context);
        else Assert.Contains("was approved", (await Assert.ThrowsAsync<StepFailedException>(() => world.Step(CatchUp.StepName).ActAsync(context))).Message, StringComparison.Ordinal);
        await world.NothingWasDoneAsync();
    }

    /// <summary>A standby as the target, a source that nobody reaches, a traffic manager that only listens.</summary>
    private sealed class World : IAsyncDisposable
    {
        private readonly TestReplica _target;
        private readonly TcpListener _proxy = new(IPAddress.Loopback, 0);
        private readonly CancellationTokenSource _limit = new(TimeSpan.FromSeconds(20)); // a step that is not refused waits for the traffic manager
        private readonly Shell _shell = new();
        private readonly Names _names = new(TimeProvider.System);
        private readonly TrafficEdge _edge;
        private readonly PulseMeters _meters;
        private readonly FailoverParts _parts;

        private World(TestReplica target)
        {
            _target = target;
            _proxy.Start();
            var fleet = new FleetModel(new FleetOptions
            {
                Regions = [new RegionOptions { Id = "us" }, new RegionOptions { Id = "west" }],
                Clusters = [new ClusterOptions { Id = "orders", Username = "postgres", Database = "postgres", Nodes = [new ClusterNodeOptions { Region = "us", Address = "127.0.0.1:1" }, new ClusterNodeOptions { Region = "west", Address = $"127.0.0.1:{target.Port}" }] }],
                TrafficManagers = [new TrafficManagerOptions { Id = "proxy", Kind = TrafficManagerKind.HaProxy, Address = _proxy.LocalEndpoint.ToString()!, HttpBackend = "http", WriteBackend = "write", Servers = { ["us"] = "us", ["west"] = "west" } }],
            });
            var (options, hosts) = (new FailoverOptions(), new NodeHost(_shell, fleet));
            (_edge, _meters) = (new TrafficEdge(fleet), new PulseMeters(fleet, TimeProvider.System));
            _parts = new FailoverParts(fleet, _edge, hosts, _meters, new OldPrimary(fleet, hosts, new RoundTrips(), options, TimeProvider.System), new LastSeen(), new RoundTrips(), new Feed(), new RedisControl(_names), options, TimeProvider.System);
        }

        public static async Task<World> StartAsync() => new(await TestReplica.CreateAsync(await TestPostgres.SharedAsync()));

        public IStep Step(string name) => name switch
        {
            FenceSource.StepName => new FenceSource(_parts),
            Promote.StepName => new Promote(_parts),
            CutWrites.StepName => new CutWrites(_parts),
            LeadWrites.StepName => new LeadWrites(_parts),
            CatchUp.StepName => new CatchUp(_parts),
            _ => new ShiftTraffic(_parts),
        };

        public StepContext Context(Guid operation, long fleetEpoch, long runnerEpoch)
        {
            var outputs = new ValueBag([]);
            outputs.Set(Outputs.FleetEpoch, fleetEpoch);
            outputs.Set(Outputs.RaisedUnder, runnerEpoch);
            outputs.Set(Outputs.Standbys, new[] { "west" });
            outputs.Set(Outputs.Weights, new Dictionary<string, int> { ["us"] = 100, ["west"] = 75 });
            var parameters = new JsonObject { ["cluster"] = "orders", ["source"] = "us", ["target"] = "west", ["from"] = 0, ["percent"] = 100 };
            return new StepContext
            {
                OperationId = operation, Index = 0, Epoch = runnerEpoch, Outputs = outputs, Result = new ValueBag([]), Cancel = _limit.Token, Clock = TimeProvider.System,
                Plan = new Plan { Kind = OperationKinds.Failover, Title = "Move", Severity = Severity.High, Targets = [], Steps = ImmutableArray.Create(new PlanStep { Step = "any", Name = "any", Parameters = parameters }) },
                Journal = (_, _, _) => Task.CompletedTask, Sessions = cluster => new Session(cluster, this),
            };
        }

        public async Task<NpgsqlConnection> OpenAsync()
        {
            var connection = new NpgsqlConnection($"Host=127.0.0.1;Port={_target.Port};Username=postgres;Database=postgres;Pooling=false");
            await connection.OpenAsync();
            return connection;
        }

        public async Task<ulong> PositionAsync()
        {
            await using var node = await OpenAsync();
            await using var command = new NpgsqlCommand("select pg_last_wal_replay_lsn()", node);
            return (ulong)(NpgsqlLogSequenceNumber)(await command.ExecuteScalarAsync())!;
        }

        public async Task RaisedAsync(long epoch, Guid operation)
        {
            await using var node = await OpenAsync();
            Assert.True(await EpochRegister.RaiseAsync(node, epoch, operation, TestContext.Current.CancellationToken));
        }

        public async Task NothingWasDoneAsync()
        {
            await using var node = await OpenAsync();
            Assert.True(await Promotion.InRecoveryAsync(node, TestContext.Current.CancellationToken));
            Assert.False(_proxy.Pending());
            Assert.Empty(_shell.Commands);
        }

        public async ValueTask DisposeAsync()
        {
            _proxy.Dispose();
            _limit.Dispose();
            _edge.Dispose();
            _names.Dispose();
            await _meters.DisposeAsync();
            await _target.DisposeAsync();
        }
    }

    private sealed class Session(string cluster, World world) : IFleetSession
    {
        public string Cluster => cluster;

        public async Task<T> UseAsync<T>(string region, Func<NpgsqlConnection, CancellationToken, Task<T>> work, CancellationToken cancel)
        {
            await using var connection = await world.OpenAsync();
            return await work(connection, cancel);
        }

        public Task<int> OpenAllAsync(CancellationToken cancel) => Task.FromResult(1);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    private sealed class Shell : IHostShell
    {
        public List<string> Commands { get; } = [];

        public bool Offers(string region, string command) => true;

        public Task<HostCommandResult> RunAsync(string region, string command, IReadOnlyDictionary<string, string>? arguments = null, string? input = null, CancellationToken cancel = default)
        {
            Commands.Add(command);
            return Task.FromResult(new HostCommandResult(0, "", "", TimeSpan.Zero));
        }
    }

    private sealed class Feed : IFleetFeed
    {
        public FleetSnapshot Current => FleetSnapshot.Empty;

        public FleetSubscription Subscribe() => throw new NotSupportedException("Nobody follows here.");
    }
}
