using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Replication;

/// <summary>Hands one cluster's readings to the live picture and its figures to the history.</summary>
internal sealed class ReplicationPost(ClusterOptions cluster, IFleetReducer reducer, IMetricSink metrics)
{
    private readonly Dictionary<string, ByteRate> _rates = [];
    private readonly HashSet<(string Source, string Target)> _shown = [];

    public void Publish(ClusterReading reading, Func<string, NodeObservation?> fresh)
    {
        var links = reading.Links.Select(l => (l.Source, l.Target)).ToHashSet();
        foreach (var (source, target) in _shown.Where(s => !links.Contains(s)).ToList())
        {
            _shown.Remove((source, target));
            reducer.RemoveLink(cluster.Id, source, target);
        }
        foreach (var link in reading.Links)
            Publish(link, fresh(link.Target));
        // Last, so that a picture whose cluster says so has the links that it speaks of.
        reducer.Cluster(cluster.Id, state => state with
        {
            Status = reading.Status, PrimaryRegion = reading.PrimaryRegion, Timeline = reading.Timeline, WriteAvailable = reading.WriteAvailable,
            LastHeartbeatAt = reading.LastHeartbeatAt, WriteAvailabilityPercent = reading.WriteAvailabilityPercent, RpoSeconds = reading.RpoSeconds,
            Nodes = reading.Nodes, Slots = reading.Slots, Drift = reading.Drift, Reason = reading.Reason,
        });
    }

    private void Publish(LinkReading link, NodeObservation? target)
    {
        _shown.Add((link.Source, link.Target));
        var rate = target is { Position: { } position } && link.At is { } at ? RateOf(link.Target).Next(position, at) : null;
        reducer.Link(cluster.Id, link.Source, link.Target, state => state with
        {
            Status = link.Status, State = link.State, Sync = link.Sync, LagBytes = link.LagBytes, LagSeconds = link.LagSeconds,
            HeartbeatLagSeconds = link.HeartbeatLagSeconds, BytesPerSecond = rate, LastSampleAt = link.At, Reason = link.Reason,
        });
    }

    private ByteRate RateOf(string target)
    {
        if (!_rates.TryGetValue(target, out var rate))
            _rates[target] = rate = new ByteRate();
        return rate;
    }

    public void Record(ClusterReading reading, DateTimeOffset at)
    {
        Record($"cluster:{cluster.Id}:rpoSeconds", at, reading.RpoSeconds);
        Record($"cluster:{cluster.Id}:writeAvailable", at, reading.WriteAvailable is { } available ? available ? 1 : 0 : null);
        foreach (var link in reading.Links)
        {
            var key = LinkState.KeyOf(cluster.Id, link.Source, link.Target);
            Record($"link:{key}:lagSeconds", at, link.LagSeconds);
            Record($"link:{key}:lagBytes", at, link.LagBytes);
            Record($"link:{key}:heartbeatLagSeconds", at, link.HeartbeatLagSeconds);
        }
    }

    private void Record(string series, DateTimeOffset at, double? value)
    {
        if (value is { } known)
            metrics.Record(series, at, known);
    }
}
