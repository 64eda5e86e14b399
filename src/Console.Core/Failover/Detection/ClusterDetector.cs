using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Npgsql;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Failover.Measuring;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Failover.Detection;

/// <summary>Watches one cluster at sub-second cadence, on connections of its own, and fails it over when its primary is lost, if people
/// have allowed that. A former primary that comes back is fenced on sight. Judging needs no console database.</summary>
internal sealed partial class ClusterDetector(
    ClusterOptions cluster, FleetModel fleet, PulseMeters meters, OldPrimary oldPrimary, DetectorPolicy policy, OperationService operations, IFleetFeed feed,
    FailoverOptions options, TimeProvider time, ILogger log) : IDisposable
{
    private static readonly TimeSpan KeepPulse = TimeSpan.FromSeconds(5);
    private readonly List<NodeWatch> _nodes = cluster.Nodes.Select(n => new NodeWatch(cluster, n, options.Detection, () => policy.Allows(cluster.Id), time)).ToList();
    private readonly SemaphoreSlim _looked = new(0);
    private readonly HashSet<string> _fencing = [];
    private string? _primary;
    private int _timeline;
    private DateTimeOffset? _actedAt;
    private LossVerdict _said = LossVerdict.Serves;

    public void Dispose() => _looked.Dispose();

    public async Task RunAsync(CancellationToken cancel)
    {
        var watches = _nodes.Select(n => n.RunAsync(() => _looked.Release(), cancel)).ToList();
        while (!cancel.IsCancellationRequested)
        {
            await Task.WhenAny(_looked.WaitAsync(cancel));
            while (_looked.Wait(0, CancellationToken.None)) { } // looks that came meanwhile are judged together
            if (!cancel.IsCancellationRequested) await JudgeAsync(cancel);
        }
        await Task.WhenAll(watches);
    }

    private async Task JudgeAsync(CancellationToken cancel)
    {
        var readings = _nodes.ToDictionary(n => n.Region, n => n.Reading);
        FollowPrimary(readings);
        if (_primary is null || !policy.Allows(cluster.Id)) return;
        foreach (var (region, reading) in readings.Where(r => r.Key != _primary && r.Value is { Answers: true, Standby: false } && IsFormer(r.Value, readings))) Fence(region, reading, cancel);
        meters.Of(cluster.Id)?.Keep("detector", TimeSpan.FromSeconds(options.Detection.IntervalSeconds), KeepPulse);
        var judgement = LossRules.Judge(options.Detection, Primary(readings[_primary]), Standbys(readings), Client());
        if (judgement.Verdict != _said && judgement.Verdict != LossVerdict.Serves) LogVerdict(cluster.Id, judgement.Verdict, judgement.Reason);
        _said = judgement.Verdict;
        if (judgement.Verdict == LossVerdict.Lost) await ActAsync(judgement, readings, cancel);
    }

    /// <summary>The primary is the writable node with the newest timeline; it stays the one while nobody newer is seen.</summary>
    private void FollowPrimary(Dictionary<string, NodeReading> readings)
    {
        var newest = readings.Where(r => r.Value is { Answers: true, Standby: false }).OrderByDescending(r => r.Value.Timeline).FirstOrDefault();
        if (newest.Key is null || newest.Value.Timeline < _timeline || (newest.Value.Timeline == _timeline && _primary is not null && newest.Key != _primary)) return;
        if (_primary is not null && _primary != newest.Key) LogMoved(cluster.Id, _primary, newest.Key, newest.Value.Timeline);
        (_primary, _timeline) = (newest.Key, newest.Value.Timeline);
    }

    /// <summary>An older timeline alone proves nothing: a standby that somebody promoted by mistake has a newer one. The standbys tell
    /// which primary is the real one.</summary>
    private bool IsFormer(NodeReading reading, Dictionary<string, NodeReading> readings)
    {
        int On(int timeline) => readings.Values.Count(r => r is { Answers: true, Standby: true, Streams: true } && r.Timeline == timeline);
        return reading.Timeline < _timeline && On(_timeline) > On(reading.Timeline);
    }

    private PrimaryEvidence Primary(NodeReading reading) => new(reading.Failures, reading.Failure, time.GetUtcNow() - reading.LastSuccessAt);

    private List<StandbyEvidence> Standbys(Dictionary<string, NodeReading> readings) => readings.Where(r => r.Key != _primary)
        // Silence goes on since the look.
        .Select(r => new StandbyEvidence(r.Key, r.Value.Answers, r.Value.Streams, r.Value.Silence + (time.GetUtcNow() - r.Value.LastSuccessAt))).ToList();

    private ClientEvidence Client()
    {
        var (now, meter) = (time.GetUtcNow(), meters.Of(cluster.Id));
        return new ClientEvidence(now - meter?.LastAcknowledgedAt, now - meter?.PendingSince);
    }

    private async Task ActAsync(LossJudgement judgement, Dictionary<string, NodeReading> readings, CancellationToken cancel)
    {
        var now = time.GetUtcNow();
        if (_actedAt is { } acted && now - acted < TimeSpan.FromSeconds(options.Detection.CooldownSeconds)) return;
        if (policy.Hold(cluster) is { } hold)
        {
            LogHeld(cluster.Id, hold);
            return;
        }
        var source = _primary!;
        if (TargetChoice.Of(Candidates(readings)) is not { } target) return;
        var request = new JsonObject { ["cluster"] = cluster.Id, ["source"] = source, ["target"] = target.Region, ["strategy"] = "immediate", ["planned"] = false };
        try
        {
            LogActs(cluster.Id, source, target.Region, judgement.Reason);
            var submitted = await operations.SubmitAsync(new OperationRequest(OperationKinds.Failover, request, $"automatic: {judgement.Reason}") { StandingApproval = true }, Person.Console, cancel);
            _actedAt = now;
            LogSubmitted(cluster.Id, submitted.OperationId);
        }
        catch (BlockedException blocked)
        {
            LogNotDone(cluster.Id, blocked.Message); // somebody is at it already
            _actedAt = now;
        }
        catch (Exception e) when (e is RequestRefusedException or NpgsqlException or System.Net.Sockets.SocketException or TimeoutException)
        {
            LogNotDone(cluster.Id, e.Message); // judged again with the next look
            await Task.WhenAny(Task.Delay(TimeSpan.FromMilliseconds(250), time, cancel));
        }
    }

    private IEnumerable<Candidate> Candidates(Dictionary<string, NodeReading> readings) => readings.Where(r => r.Key != _primary && r.Value is { Answers: true, Standby: true }).Select(r => new Candidate(
        r.Key, r.Value.Position, fleet.Regions[r.Key].Priority, feed.Current.Latencies.GetValueOrDefault($"console>{r.Key}")?.Milliseconds,
        cluster.ComplianceZones.Count == 0 || fleet.Regions[r.Key].ComplianceZones.Intersect(cluster.ComplianceZones).Any()));

    /// <summary>A former primary answers as one: at once it rejects clients; then it rejoins by an operation.</summary>
    private void Fence(string region, NodeReading reading, CancellationToken cancel)
    {
        lock (_fencing)
        {
            if (!_fencing.Add(region)) return;
        }
        _ = Task.Run(async () =>
        {
            try
            {
                LogReturned(cluster.Id, region, reading.Timeline, _timeline);
                var why = await oldPrimary.FenceBySqlAsync(cluster.Id, region, cancel);
                if (why is null) LogFenced(cluster.Id, region);
                else LogNotFenced(cluster.Id, region, why);
                await RejoinAsync(region, cancel);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                LogNotFenced(cluster.Id, region, e.Message);
            }
            finally
            {
                await Task.WhenAny(Task.Delay(TimeSpan.FromSeconds(2), time, cancel)); // the operation needs a moment to show
                lock (_fencing) _fencing.Remove(region);
            }
        }, cancel);
    }

    private async Task RejoinAsync(string region, CancellationToken cancel)
    {
        if (_primary is not { } primary || policy.Hold(cluster) is not null) return;
        var request = new JsonObject { ["cluster"] = cluster.Id, ["region"] = region, ["upstream"] = primary };
        try
        {
            await operations.SubmitAsync(new OperationRequest(RejoinPlanner.KindName, request, "automatic: a former primary has returned") { StandingApproval = true }, Person.Console, cancel);
        }
        catch (Exception e) when (e is BlockedException or RequestRefusedException)
        {
            LogNotDone(cluster.Id, e.Message); // the failover that it fell from brings it back itself
        }
    }

    [LoggerMessage(5101, LogLevel.Warning, "{Cluster}: {Verdict}: {Reason}")]
    private partial void LogVerdict(string cluster, LossVerdict verdict, string reason);

    [LoggerMessage(5102, LogLevel.Information, "{Cluster}: the primary moved from {From} to {To}, timeline {Timeline}")]
    private partial void LogMoved(string cluster, string from, string to, int timeline);

    [LoggerMessage(5103, LogLevel.Warning, "{Cluster}: the loss is not acted upon: {Hold}")]
    private partial void LogHeld(string cluster, string hold);

    [LoggerMessage(5104, LogLevel.Error, "{Cluster}: fails over from {Source} to {Target}: {Reason}")]
    private partial void LogActs(string cluster, string source, string target, string reason);

    [LoggerMessage(5105, LogLevel.Information, "{Cluster}: failover is operation {Operation}")]
    private partial void LogSubmitted(string cluster, Guid operation);

    [LoggerMessage(5106, LogLevel.Warning, "{Cluster}: not done: {Problem}")]
    private partial void LogNotDone(string cluster, string problem);

    [LoggerMessage(5107, LogLevel.Error, "{Cluster}: {Region} answers as a primary on timeline {Timeline}; the primary is on {Newest}. It is demoted")]
    private partial void LogReturned(string cluster, string region, int timeline, int newest);

    [LoggerMessage(5108, LogLevel.Information, "{Cluster}: {Region} rejects clients, verified")]
    private partial void LogFenced(string cluster, string region);

    [LoggerMessage(5109, LogLevel.Error, "{Cluster}: {Region} could not be fenced or rejoined: {Problem}")]
    private partial void LogNotFenced(string cluster, string region, string problem);
}
