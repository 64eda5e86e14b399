using Microsoft.Extensions.Logging;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Failover.Measuring;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Failover.Detection;

/// <summary>Watches one cluster at sub-second cadence, on connections of its own, and has something done when its primary is lost, if people
/// have allowed that. A former primary that comes back is demoted on sight. Judging needs no console database.</summary>
internal sealed partial class ClusterDetector(
    ClusterOptions cluster, PulseMeters meters, DetectorPolicy policy, LossResponse response, ReturnedPrimary returned, LeftBehind left, WriteLead lead, ConfirmationLead confirmations, LastSeen seen,
    LivedTime lived, RoundTrips ways, FailoverOptions options, TimeProvider time, ILogger log) : IDisposable
{
    private static readonly TimeSpan KeepPulse = TimeSpan.FromSeconds(5);
    /// <summary>What was read longer ago says nothing of now.</summary>
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(3);
    private readonly List<NodeWatch> _nodes = cluster.Nodes.Select(n => new NodeWatch(cluster, n, options.Detection, ways, () => policy.Allows(cluster.Id), lived, time)).ToList();
    private readonly SemaphoreSlim _looked = new(0);
    private volatile string? _primary;
    private int _timeline;
    private LossVerdict _said = LossVerdict.Serves;

    public void Dispose()
    {
        foreach (var node in _nodes) node.Dispose();
        _looked.Dispose();
    }

    public async Task RunAsync(CancellationToken cancel)
    {
        var parts = _nodes.Select(n => n.RunAsync(() => _looked.Release(), cancel)).Append(lead.RunAsync(ServingPrimary, cancel))
            .Append(confirmations.RunAsync(ServingPrimary, region => Readings()[region].Confirmations, cancel)).ToList();
        while (!cancel.IsCancellationRequested)
        {
            await Task.WhenAny(_looked.WaitAsync(cancel));
            while (_looked.Wait(0, CancellationToken.None)) { } // looks that came meanwhile are judged together
            if (!cancel.IsCancellationRequested) await JudgeAsync(cancel);
        }
        await Task.WhenAll(parts);
    }

    private async Task JudgeAsync(CancellationToken cancel)
    {
        var readings = Readings();
        FollowPrimary(readings);
        if (_primary is null) LearnPrimary(readings);
        if (_primary is not { } primary) return;
        if (readings[primary] is { Answers: true, Standby: false } writes) seen.Set(cluster.Id, primary, writes.Position, writes.Confirmations);
        foreach (var (region, reading) in readings.Where(r => r.Key != primary && r.Value is { Answers: true, Standby: false } && IsFormer(r.Value, readings)))
            returned.Demote(region, reading.Timeline, primary, _timeline, cancel);
        left.Judge(primary, readings, cancel);
        foreach (var node in _nodes) node.Hurry(node.Region != primary && readings[primary].Failures > 0);
        if (!policy.Allows(cluster.Id)) return;
        meters.Of(cluster.Id)?.Keep("detector", TimeSpan.FromSeconds(options.Detection.IntervalSeconds), KeepPulse);
        var judgement = LossRules.Judge(options.Detection, Primary(readings[primary]), Standbys(primary, readings), Client());
        if (judgement.Verdict != _said && judgement.Verdict != LossVerdict.Serves) LogVerdict(cluster.Id, judgement.Verdict, judgement.Reason);
        _said = judgement.Verdict;
        if (judgement.Verdict == LossVerdict.Lost) await response.ActAsync(primary, _timeline, judgement, readings, cancel);
    }

    private Dictionary<string, NodeReading> Readings() => _nodes.ToDictionary(n => n.Region, n => n.Reading);

    /// <summary>The primary is the writable node with the newest timeline; it stays the one while nobody newer is seen.</summary>
    private void FollowPrimary(Dictionary<string, NodeReading> readings)
    {
        var newest = readings.Where(r => r.Value is { Answers: true, Standby: false }).OrderByDescending(r => r.Value.Timeline).FirstOrDefault();
        if (newest.Key is null || newest.Value.Timeline < _timeline || (newest.Value.Timeline == _timeline && _primary is not null && newest.Key != _primary)) return;
        if (_primary is { } before && before != newest.Key) LogMoved(cluster.Id, before, newest.Key, newest.Value.Timeline);
        _timeline = newest.Value.Timeline;
        _primary = newest.Key;
        foreach (var node in _nodes) node.AskWriter = false;
    }

    /// <summary>A console that starts while the primary is already gone has never seen it. When every other node answers as a standby and all say
    /// that the last write came from the one that does not, that one was it.</summary>
    private void LearnPrimary(Dictionary<string, NodeReading> readings)
    {
        foreach (var node in _nodes) node.AskWriter = true;
        var silent = readings.Where(r => !r.Value.Answers).Select(r => r.Key).ToList();
        if (silent is not [var region] || readings[region].Failures == 0) return;
        var said = readings.Where(r => r.Key != region).Select(r => r.Value).OrderByDescending(r => r.Position).ToList();
        if (said.Exists(r => !r.Standby || r.LastWriter is not { } writer || writer.Region != region) || said.DistinctBy(r => r.LastWriter!.Timeline).Count() != 1) return;
        var last = said[0].LastWriter!;
        (_primary, _timeline) = (region, last.Timeline);
        seen.Learn(cluster.Id, region, SynchronousCommit.ConfirmationsOf(last.Names));
        LogLearnt(cluster.Id, region, last.Timeline, last.Names);
    }

    /// <summary>An older timeline alone proves nothing: a standby that somebody promoted by mistake has a newer one. The standbys tell
    /// which primary is the real one.</summary>
    private bool IsFormer(NodeReading reading, Dictionary<string, NodeReading> readings) => reading.Timeline < _timeline && Followers(readings, _timeline) > Followers(readings, reading.Timeline);

    private static int Followers(Dictionary<string, NodeReading> readings, int timeline) => readings.Values.Count(r => r is { Answers: true, Standby: true, Streams: true } && r.Timeline == timeline);

    /// <summary>The primary, when it answers now and a majority of the other nodes follows it.</summary>
    private string? ServingPrimary()
    {
        var readings = Readings();
        return _primary is { } primary && readings[primary] is { Answers: true, Standby: false, Failures: 0 } reading && time.GetUtcNow() - reading.LastSuccessAt < Fresh
            && readings.Values.Count(r => r is { Answers: true, Standby: false }) == 1 && Followers(readings, reading.Timeline) >= (cluster.Nodes.Count - 1) / 2 + 1 ? primary : null;
    }

    private PrimaryEvidence Primary(NodeReading reading) => new(reading.Failures, reading.Unanswered, reading.Failure, lived.Now - reading.LastSuccessLived);

    private List<StandbyEvidence> Standbys(string primary, Dictionary<string, NodeReading> readings) => readings.Where(r => r.Key != primary)
        // Only what it says now counts: a silence is not drawn out from a look before, since which it may have heard something.
        // Over a long way an answer is older when it is there, and the next one comes later.
        .Select(r => new StandbyEvidence(r.Key, r.Value.Answers && time.GetUtcNow() - r.Value.LastSuccessAt <= TimeSpan.FromSeconds(options.Detection.TimeoutSeconds) + (r.Value.RoundTrip * 3), r.Value.Streams, r.Value.Silence)).ToList();

    private ClientEvidence Client()
    {
        var (now, meter) = (time.GetUtcNow(), meters.Of(cluster.Id));
        return new ClientEvidence(now - meter?.LastAcknowledgedAt, now - meter?.PendingSince);
    }

    [LoggerMessage(5101, LogLevel.Warning, "{Cluster}: {Verdict}: {Reason}")]
    private partial void LogVerdict(string cluster, LossVerdict verdict, string reason);

    [LoggerMessage(5119, LogLevel.Warning, "{Cluster}: {Primary} does not answer, and all others say that it was the primary, on timeline {Timeline} with \"{Names}\"")]
    private partial void LogLearnt(string cluster, string primary, int timeline, string names);

    [LoggerMessage(5102, LogLevel.Information, "{Cluster}: the primary moved from {From} to {To}, timeline {Timeline}")]
    private partial void LogMoved(string cluster, string from, string to, int timeline);
}
