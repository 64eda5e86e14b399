using Microsoft.Extensions.Logging;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Replication;

/// <summary>Watches one cluster: a loop for each node, one for heartbeats, and one that records figures each second. No loop waits for another.</summary>
internal sealed partial class ClusterWatch
{
    private static readonly TimeSpan RecordEvery = TimeSpan.FromSeconds(1);

    private readonly ClusterOptions _cluster;
    private readonly IReplicationDriver _driver;
    private readonly ReplicationOptions _options;
    private readonly ReplicationPost _post;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private readonly Dictionary<string, NodeReading> _nodes = [];
    private readonly WalClock _clock = new();
    private readonly HeartbeatLedger? _ledger;
    private readonly DateTimeOffset _since;
    private string? _lastPrimary;

    public ClusterWatch(ClusterOptions cluster, IReplicationDriver driver, ReplicationOptions options, IFleetReducer reducer, IMetricSink metrics, TimeProvider time, ILogger logger)
    {
        (_cluster, _driver, _options, _time, _logger) = (cluster, driver, options, time, logger);
        _post = new ReplicationPost(cluster, reducer, metrics);
        _ledger = cluster.Heartbeat.Enabled ? new HeartbeatLedger(TimeSpan.FromSeconds(cluster.Heartbeat.IntervalSeconds)) : null;
        var now = _since = time.GetUtcNow();
        foreach (var node in cluster.Nodes)
            _nodes[node.Region] = new NodeReading(null, null, null, now, null, null);
    }

    public Task RunAsync(CancellationToken cancel)
    {
        List<Func<CancellationToken, Task>> loops = [RecordAsync];
        foreach (var node in _cluster.Nodes)
            loops.Add(token => WatchAsync(node, token));
        if (_ledger is not null)
            loops.Add(token => BeatAsync(_ledger, token));
        return Together.RunAsync(loops, cancel);
    }

    private async Task WatchAsync(ClusterNodeOptions node, CancellationToken cancel)
    {
        await using var observer = _driver.Observe(_cluster, node);
        using var timer = new PeriodicTimer(TimeSpan.FromSeconds(_options.IntervalSeconds), _time);
        do
        {
            try
            {
                Observed(node.Region, await observer.ObserveAsync(cancel));
            }
            catch (NodeUnavailableException e)
            {
                Unavailable(node.Region, e.Message);
            }
        }
        while (await timer.WaitForNextTickAsync(cancel));
    }

    private async Task BeatAsync(HeartbeatLedger ledger, CancellationToken cancel)
    {
        await using var channel = _driver.Heartbeats(_cluster);
        await new HeartbeatWriter(_cluster.Id, channel, ledger, Publish, _time, _logger).RunAsync(cancel);
    }

    private async Task RecordAsync(CancellationToken cancel)
    {
        using var timer = new PeriodicTimer(RecordEvery, _time);
        while (await timer.WaitForNextTickAsync(cancel))
            lock (_lock)
                _post.Record(Assess(), _time.GetUtcNow());
    }

    private void Observed(string region, NodeObservation seen)
    {
        lock (_lock)
        {
            var now = _time.GetUtcNow();
            var before = _nodes[region];
            if (before.Error is not null)
                LogAnswers(_logger, region, _cluster.Id);
            _nodes[region] = new NodeReading(seen, now, null, now, _ledger?.Status(now).LastAcknowledged, seen.Heartbeat is { } held ? _ledger?.FirstAfter(held.At)?.At : null);
            Publish();
        }
    }

    private void Unavailable(string region, string error)
    {
        lock (_lock)
        {
            if (_nodes[region].Error is null)
                LogSilent(_logger, region, _cluster.Id, error);
            _nodes[region] = _nodes[region] with { Error = error, TriedAt = _time.GetUtcNow() };
            Publish();
        }
    }

    private void Publish()
    {
        lock (_lock)
            _post.Publish(Assess(), View().Fresh);
    }

    private ClusterReading Assess()
    {
        var view = View();
        if (view.Primaries is [var only] && only != _lastPrimary)
        {
            _lastPrimary = only;
            _clock.Reset();
            view = View();
        }
        if (_lastPrimary is not null && view.Fresh(_lastPrimary)?.Current is { } position)
            _clock.Reached(position, view.Nodes[_lastPrimary].ObservedAt!.Value);
        return ClusterAssessment.Assess(view, _cluster, _clock, _options);
    }

    private ClusterView View()
    {
        var now = _time.GetUtcNow();
        return new ClusterView(now, _since, _nodes, _ledger?.Status(now), _ledger?.Interval ?? TimeSpan.Zero, _lastPrimary);
    }

    [LoggerMessage(3001, LogLevel.Warning, "Node {Region} of cluster {Cluster} cannot be observed: {Error}")]
    private static partial void LogSilent(ILogger logger, string region, string cluster, string error);

    [LoggerMessage(3002, LogLevel.Information, "Node {Region} of cluster {Cluster} is observed again")]
    private static partial void LogAnswers(ILogger logger, string region, string cluster);
}
