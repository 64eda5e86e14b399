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

/// <summary>A standby as the target, a source that nobody reaches, a traffic manager that only listens.</summary>
internal sealed class StepWorld : IAsyncDisposable
{
    private readonly TestReplica _target;
    private readonly TcpListener _proxy = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _limit = new(TimeSpan.FromSeconds(20)); // a step that is not refused waits for the traffic manager
    private readonly Shell _shell = new();
    private readonly Names _names = new(TimeProvider.System);
    private readonly Feed _feed = new();
    private readonly TrafficEdge _edge;
    private readonly PulseMeters _meters;
    private readonly FailoverParts _parts;

    private StepWorld(TestReplica target)
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
        _parts = new FailoverParts(fleet, _edge, hosts, _meters, new OldPrimary(fleet, hosts, new RoundTrips(), options, TimeProvider.System), new LastSeen(), new RoundTrips(), _feed, new RedisControl(_names), options, TimeProvider.System);
    }

    public static async Task<StepWorld> StartAsync() => new(await TestReplica.CreateAsync(await TestPostgres.SharedAsync()));

    /// <summary>What the console sees of the fleet.</summary>
    public FleetSnapshot Picture { set => _feed.Current = value; }

    /// <summary>Somebody wants something from the traffic manager, which never answers.</summary>
    public async Task TrafficManagerAskedAsync() => (await _proxy.AcceptTcpClientAsync(_limit.Token)).Dispose();

    /// <summary>Steps that still wait are cancelled.</summary>
    public void GiveUp() => _limit.Cancel();

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

    private sealed class Session(string cluster, StepWorld world) : IFleetSession
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
        public FleetSnapshot Current { get; set; } = FleetSnapshot.Empty;

        public FleetSubscription Subscribe() => throw new NotSupportedException("Nobody follows here.");
    }
}
