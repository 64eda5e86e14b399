using System.Collections.Immutable;
using System.Threading.Channels;
using Microsoft.Extensions.Options;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health;
using OpsConsole.Core.Health.Probing;
using OpsConsole.Core.Health.Verdicts;

namespace OpsConsole.Core.Live;

/// <summary>The reducer: one reader takes observations in order, turns them into the next picture and publishes the difference, the
/// first at once and then at most one batch per <see cref="ObservationOptions.BatchIntervalSeconds"/>.</summary>
public sealed class FleetState : IFleetReducer
{
    // Reached only if the reader is starved for minutes; observations beyond it are dropped and counted.
    private const int QueueLimit = 200_000;

    private readonly Channel<Posted> _queue = Channel.CreateBounded<Posted>(new BoundedChannelOptions(QueueLimit) { SingleReader = true });
    private readonly FleetModel _fleet;
    private readonly ProbePlan _plan;
    private readonly FleetFeed _feed;
    private readonly IMetricSink _metrics;
    private readonly ITransitionLog _transitions;
    private readonly TimeProvider _time;
    private readonly ObservationOptions _options;
    private volatile bool _observing;
    private long _dropped;

    public FleetState(FleetModel fleet, ProbePlan plan, FleetFeed feed, IMetricSink metrics, ITransitionLog transitions, IOptions<ObservationOptions> options, TimeProvider time)
    {
        _fleet = fleet;
        _plan = plan;
        _feed = feed;
        _metrics = metrics;
        _transitions = transitions;
        _time = time;
        _options = options.Value;
    }

    /// <summary>Raised on the reader after each publication; the leading node passes batches on to the others.</summary>
    public event Action<FleetSnapshot, ChangeBatch>? Published;

    /// <summary>Observations dropped because the reader did not keep up.</summary>
    public long Dropped => Interlocked.Read(ref _dropped);

    public void Probed(ProbeSample sample) => Post(new Posted(sample, null));

    public void Cluster(string id, Func<ClusterState, ClusterState> change) => Post(p => p.Cluster(id, change));

    public void Link(string cluster, string source, string target, Func<LinkState, LinkState> change) => Post(p => p.Link(cluster, source, target, change));

    public void RemoveLink(string cluster, string source, string target) => Post(p => p.RemoveLink(LinkState.KeyOf(cluster, source, target)));

    public void Latency(string source, string target, double? milliseconds, double lossPercent, DateTimeOffset at) =>
        Post(p => p.Latency(new LatencyState(source, target, milliseconds, lossPercent, at, 0)));

    public void TrafficShare(string region, double? percent, DateTimeOffset at) => Post(p => p.TrafficShare(region, percent));

    public void Gauge(string service, string name, double value, DateTimeOffset at) => Post(p => p.Gauge(service, name, value));

    public void Component(string name, HealthStatus status, string detail, DateTimeOffset? lastSampleAt) =>
        Post(p => p.Component(new ComponentState(name, status, detail, lastSampleAt, 0)));

    public void Readiness(ReadinessState readiness) => Post(p => p.Readiness(readiness));

    /// <summary>Recent stored samples, oldest first: they fill the windows but decide nothing.</summary>
    public void Remember(IReadOnlyList<ProbeSample> samples) => Post(p => p.Remember(samples));

    /// <summary>Forgets a service's failures so far (HE-5): its circuits close, the next samples decide.</summary>
    public void ResetCircuit(string service) => Post(p => p.ResetCircuit(service));

    /// <summary>Reduces until cancelled. The picture so far is taken over, so that a takeover does not begin with a blank page.</summary>
    /// <param name="epoch">of the probe lease; greater than any before</param>
    public async Task RunAsync(long epoch, CancellationToken cancel)
    {
        while (_queue.Reader.TryRead(out _))
        {
            // Left over from an earlier epoch.
        }
        var picture = new Picture(_fleet, _plan, _options, _feed.Current, epoch, _time, _metrics, _transitions);
        _observing = true;
        try
        {
            var figureInterval = TimeSpan.FromSeconds(_options.FigureIntervalSeconds);
            await using var ticker = _time.CreateTimer(_ => Post(p => p.Tick()), null, figureInterval, figureInterval);
            Publish(picture);
            await ReduceAsync(picture, cancel);
        }
        finally
        {
            _observing = false;
        }
    }

    private async Task ReduceAsync(Picture picture, CancellationToken cancel)
    {
        var least = TimeSpan.FromSeconds(_options.BatchIntervalSeconds);
        var last = _time.GetTimestamp();
        while (await _queue.Reader.WaitToReadAsync(cancel))
        {
            Drain(picture);
            var wait = least - _time.GetElapsedTime(last);
            if (wait > TimeSpan.Zero)
            {
                await Task.Delay(wait, _time, cancel);
                Drain(picture);
            }
            if (Publish(picture))
                last = _time.GetTimestamp();
        }
    }

    private void Drain(Picture picture)
    {
        while (_queue.Reader.TryRead(out var posted))
        {
            if (posted.Sample is not null)
                picture.Probed(posted.Sample);
            else
                posted.Change!(picture);
        }
    }

    private bool Publish(Picture picture)
    {
        if (picture.Next() is not { } batch)
            return false;
        _feed.Publish(picture.Published, batch);
        Published?.Invoke(picture.Published, batch);
        return true;
    }

    private void Post(Action<Picture> change) => Post(new Posted(null, change));

    private void Post(in Posted posted)
    {
        if (_observing && !_queue.Writer.TryWrite(posted))
            Interlocked.Increment(ref _dropped);
    }

    private readonly record struct Posted(ProbeSample? Sample, Action<Picture>? Change);
}
