using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health;
using OpsConsole.Core.Live;
using OpsConsole.Core.Replication;
using static OpsConsole.Core.Tests.Replication.Views;

namespace OpsConsole.Core.Tests.Replication;

public sealed class ReplicationObserverTests
{
    private readonly FakeTimeProvider _time = new(Now);
    private readonly FakeDriver _driver = new();
    private readonly RecordingReducer _reducer = new();
    private readonly RecordingSink _metrics = new();

    [Fact]
    public async Task Run_OneNodeHangs_TheOthersAreStillObserved()
    {
        _driver.Answers["a"] = () => Task.FromResult(Primary(1000, Sender("node_b", 1000)));
        _driver.Answers["b"] = () => Task.FromResult(Standby(1000));
        _driver.Answers["c"] = () => new TaskCompletionSource<NodeObservation>().Task;
        await using var run = Start();

        await _reducer.UntilAsync(s => s.Status == HealthStatus.Degraded && s.PrimaryRegion == "a");
        _time.Advance(TimeSpan.FromSeconds(1));

        await _driver.AskedAsync("a", 2);
        await _driver.AskedAsync("b", 2);
        Assert.Equal(1, _driver.Asked["c"]);
    }

    [Fact]
    public async Task Run_PrimaryMoves_LinksAreTurnedRound()
    {
        _driver.Answers["a"] = () => Task.FromResult(Primary(1000, Sender("node_b", 1000), Sender("node_c", 1000)));
        _driver.Answers["b"] = () => Task.FromResult(Standby(1000));
        _driver.Answers["c"] = () => Task.FromResult(Standby(1000));
        await using var run = Start();
        await _reducer.UntilAsync(s => s.PrimaryRegion == "a" && s.Status == HealthStatus.Healthy);

        _driver.Answers["a"] = () => Task.FromResult(Standby(1000));
        _driver.Answers["b"] = () => Task.FromResult(Primary(1100, Sender("node_a", 1100), Sender("node_c", 1100)) with { Timeline = 4 });
        _time.Advance(TimeSpan.FromSeconds(1));
        await _reducer.UntilAsync(s => s.PrimaryRegion == "b" && s.Status == HealthStatus.Healthy && _reducer.Links.Keys.Order().SequenceEqual(["b>a", "b>c"]));

        Assert.Contains("The primary is b; declared is a.", _reducer.State!.Drift);
    }

    [Fact]
    public async Task Run_NodeRefuses_ItsErrorIsShown()
    {
        _driver.Answers["a"] = () => Task.FromResult(Primary(1000, Sender("node_b", 1000), Sender("node_c", 1000)));
        _driver.Answers["b"] = () => throw new NodeUnavailableException("b refuses the connection");
        _driver.Answers["c"] = () => Task.FromResult(Standby(1000));
        await using var run = Start();

        await _reducer.UntilAsync(s => s.Nodes.Any(n => n.Region == "b" && n.Error is not null) && s.PrimaryRegion == "a");

        var node = _reducer.State!.Nodes.Single(n => n.Region == "b");
        Assert.Equal((false, NodeRole.Unknown, "b refuses the connection"), (node.Reachable, node.Role, node.Error));
    }

    [Fact]
    public async Task Run_EachSecond_RecordsKnownFiguresOnly()
    {
        _driver.Answers["a"] = () => Task.FromResult(Primary(1000, Sender("node_b", 900, 2), Sender("node_c", 1000)));
        _driver.Answers["b"] = () => Task.FromResult(Standby(900));
        _driver.Answers["c"] = () => throw new NodeUnavailableException("gone");
        await using var run = Start();
        await _reducer.UntilAsync(s => s.PrimaryRegion == "a");

        _time.Advance(TimeSpan.FromSeconds(1));
        await _metrics.UntilAsync("link:orders:a>b:lagSeconds");

        Assert.Equal(2, _metrics.Values["link:orders:a>b:lagSeconds"], 3);
        Assert.Equal(100, _metrics.Values["link:orders:a>b:lagBytes"]);
        Assert.DoesNotContain("link:orders:a>b:heartbeatLagSeconds", _metrics.Values.Keys);
        Assert.DoesNotContain("cluster:orders:writeAvailable", _metrics.Values.Keys);
    }

    private Run Start()
    {
        var cluster = new ClusterOptions { Id = "orders", PrimaryRegion = "a", SynchronousStandbys = 1, Nodes = Cluster.Nodes, Heartbeat = new HeartbeatOptions { Enabled = false } };
        var observer = new ReplicationObserver(new FleetModel(new FleetOptions { Clusters = [cluster] }), [_driver], _reducer, _metrics, Options.Create(new ReplicationOptions()), _time, NullLogger<ReplicationObserver>.Instance);
        return new Run(observer);
    }

    private sealed class Run : IAsyncDisposable
    {
        private readonly CancellationTokenSource _cancel = new();
        private readonly Task _running;

        public Run(ReplicationObserver observer) => _running = observer.RunAsync(_cancel.Token);

        public async ValueTask DisposeAsync()
        {
            await _cancel.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _running.WaitAsync(TimeSpan.FromSeconds(30)));
            _cancel.Dispose();
        }
    }

    private sealed class FakeDriver : IReplicationDriver
    {
        private readonly Channel<string> _asked = Channel.CreateUnbounded<string>();

        public ConcurrentDictionary<string, Func<Task<NodeObservation>>> Answers { get; } = new();
        public ConcurrentDictionary<string, int> Asked { get; } = new();

        public bool Serves(ClusterDriver driver) => true;
        public INodeObserver Observe(ClusterOptions cluster, ClusterNodeOptions node) => new Observer(this, node.Region);
        public IHeartbeatChannel Heartbeats(ClusterOptions cluster) => throw new NotSupportedException();

        public async Task AskedAsync(string region, int times)
        {
            while (Asked.GetValueOrDefault(region) < times)
                await _asked.Reader.ReadAsync(TestContext.Current.CancellationToken);
        }

        private sealed class Observer(FakeDriver driver, string region) : INodeObserver
        {
            public Task<NodeObservation> ObserveAsync(CancellationToken cancel)
            {
                driver.Asked.AddOrUpdate(region, 1, (_, n) => n + 1);
                driver._asked.Writer.TryWrite(region);
                return driver.Answers[region]().WaitAsync(cancel);
            }

            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }

    private sealed class RecordingSink : IMetricSink
    {
        private readonly Channel<string> _recorded = Channel.CreateUnbounded<string>();

        public ConcurrentDictionary<string, double> Values { get; } = new();

        public void Record(string series, DateTimeOffset at, double value)
        {
            Values[series] = value;
            _recorded.Writer.TryWrite(series);
        }

        public async Task UntilAsync(string series)
        {
            while (!Values.ContainsKey(series))
                await _recorded.Reader.ReadAsync(TestContext.Current.CancellationToken);
        }
    }

    private sealed class RecordingReducer : IFleetReducer
    {
        private readonly Channel<int> _changes = Channel.CreateUnbounded<int>();

        public ClusterState? State { get; private set; }
        public ConcurrentDictionary<string, LinkState> Links { get; } = new();

        public void Cluster(string id, Func<ClusterState, ClusterState> change)
        {
            State = change(State ?? new ClusterState(id, HealthStatus.Unknown, null, null, null, null, null, null, null, "", null, [], [], [], "", 0));
            _changes.Writer.TryWrite(0);
        }

        public void Link(string cluster, string source, string target, Func<LinkState, LinkState> change)
        {
            Links[$"{source}>{target}"] = change(new LinkState(cluster, source, target, HealthStatus.Unknown, "", null, null, null, null, null, null, "", 0));
            _changes.Writer.TryWrite(0);
        }

        public void RemoveLink(string cluster, string source, string target)
        {
            Links.TryRemove($"{source}>{target}", out _);
            _changes.Writer.TryWrite(0);
        }

        public async Task UntilAsync(Func<ClusterState, bool> reached)
        {
            while (State is null || !reached(State))
                await _changes.Reader.ReadAsync(TestContext.Current.CancellationToken);
        }

        public void Probed(ProbeSample sample) => throw new NotSupportedException();
        public void Latency(string source, string target, double? milliseconds, double lossPercent, DateTimeOffset at) => throw new NotSupportedException();
        public void TrafficShare(string region, double? percent, DateTimeOffset at) => throw new NotSupportedException();
        public void Gauge(string service, string name, double value, DateTimeOffset at) => throw new NotSupportedException();
        public void Readiness(ReadinessState readiness) => throw new NotSupportedException();
        public void Component(string name, HealthStatus status, string detail, DateTimeOffset? lastSampleAt) => throw new NotSupportedException();
    }
}
