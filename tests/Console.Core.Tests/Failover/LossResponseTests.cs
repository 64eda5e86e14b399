using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Failover;
using OpsConsole.Core.Failover.Detection;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Tests.Operations;

namespace OpsConsole.Core.Tests.Failover;

/// <summary>A loss that may cost rows: people are asked once, by whichever console, and not again against their will.</summary>
public sealed class LossResponseTests : IAsyncLifetime
{
    private static readonly LossJudgement Lost = new(LossVerdict.Lost, ProbeFailure.Refused, "nobody reaches it");
    private readonly FakeTimeProvider _clock = new(new DateTimeOffset(2026, 3, 27, 12, 0, 0, TimeSpan.Zero));
    private readonly ClusterOptions _cluster = new()
    {
        Id = "orders", SynchronousStandbys = 1,
        Nodes = [.. new[] { "us", "west", "eu" }.Select(r => new ClusterNodeOptions { Region = r, Address = "127.0.0.1:1" })],
    };
    private readonly DetectorPolicy _policy = new();
    private FleetModel _fleet = null!;
    private TestFleet _state = null!;

    public async ValueTask InitializeAsync()
    {
        _fleet = new FleetModel(new FleetOptions { Regions = [.. _cluster.Nodes.Select(n => new RegionOptions { Id = n.Region })], Clusters = [_cluster] });
        _state = await TestFleet.CreateAsync(_clock, services => services.AddSingleton<IPlanner, Move>());
        _policy.Set(new Dictionary<string, ClusterKnowledge> { ["orders"] = new(true, null, null) }, []);
    }

    public ValueTask DisposeAsync() => _state.DisposeAsync();

    [Fact]
    public async Task Act_RowsMayBeLost_TwoConsolesAskOnce()
    {
        var (one, other) = (Console("a", leads: true), Console("b", leads: false));
        for (var second = 0; second < 200; second++)
        {
            Assert.False(await one.ActAsync("us", 1, Lost, Readings(), default));
            Assert.False(await other.ActAsync("us", 1, Lost, Readings(), default));
            _clock.Advance(TimeSpan.FromSeconds(1));
        }

        var asked = Assert.Single(await AskedAsync());
        Assert.Equal(OperationState.AwaitingApproval, asked.State);
        Assert.Contains("Acknowledged rows may be lost: 1 of 2 standbys needed are in reach", asked.Reason, StringComparison.Ordinal);
        Assert.Equal("west", (string?)asked.Request["target"]);
    }

    [Fact]
    public async Task Act_SomebodySaidNo_IsNotAskedAgainForAnHourByAnyConsole()
    {
        var first = Console("a", leads: true);
        await first.ActAsync("us", 1, Lost, Readings(), default);
        var asked = Assert.Single(await AskedAsync());
        await _state.Node("people").Approvals.RejectAsync(asked.ApprovalId!.Value, "we know what it is", People.Approver(1, _clock));

        foreach (var console in new[] { first, Console("b", leads: true) })
        {
            _clock.Advance(TimeSpan.FromMinutes(25));
            await console.ActAsync("us", 1, Lost, Readings(), default);
            Assert.Equal(asked.Id, Assert.Single(await AskedAsync()).Id);
        }
        _clock.Advance(TimeSpan.FromMinutes(11));
        await first.ActAsync("us", 1, Lost, Readings(), default);

        Assert.Equal(2, (await AskedAsync()).Count);
    }

    private LossResponse Console(string home, bool leads)
    {
        var node = _state.Node(home);
        return new LossResponse(_cluster, _fleet, _policy, node.Operations, node.Reader, node.Get<LocalOperations>(), () => leads, new Feed(), new LastSeen(), new FailoverOptions(), _clock, NullLogger.Instance);
    }

    private Task<IReadOnlyList<Operation>> AskedAsync() => _state.Node("reader").Reader.ListAsync(OperationKinds.Failover);

    /// <summary>The primary and one of two standbys are gone; one confirmation asks for both.</summary>
    private Dictionary<string, NodeReading> Readings() => new()
    {
        ["us"] = NodeReading.Unknown(_clock.GetUtcNow(), TimeSpan.Zero) with { Standby = false, Failures = 5 },
        ["west"] = NodeReading.Unknown(_clock.GetUtcNow(), TimeSpan.Zero) with { Answers = true, Position = 100 },
        ["eu"] = NodeReading.Unknown(_clock.GetUtcNow(), TimeSpan.Zero) with { Failures = 5 },
    };

    private sealed class Move : IPlanner
    {
        public string Kind => OperationKinds.Failover;

        public Task<Plan> PlanAsync(JsonObject request, CancellationToken cancel) => Task.FromResult(new Plan
        {
            Kind = Kind, Title = $"Move {request["cluster"]}", Severity = Severity.High, Targets = [new PlanTarget($"cluster:{request["cluster"]}", ResourceClass.Topology)],
            Steps = [new PlanStep { Step = "test.wait", Name = "wait", Reversibility = Reversibility.Neutral, Parameters = [] }],
            Overrides = [.. (request["overrides"] as JsonArray ?? []).Select(o => new PlanOverride(o!.GetValue<string>()))],
        });

        public Task<Preflight> PreflightAsync(Plan plan, CancellationToken cancel) =>
            Task.FromResult(new Preflight { Checks = [new PreflightCheck("no-loss", CheckVerdict.Blocking, "1 standby in reach", "2", "Rows may be lost.")] });
    }

    private sealed class Feed : IFleetFeed
    {
        public FleetSnapshot Current => FleetSnapshot.Empty;

        public FleetSubscription Subscribe() => throw new NotSupportedException("Nobody follows here.");
    }
}
