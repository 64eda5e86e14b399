using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Logging;
using Npgsql;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Failover.Steps;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Failover.Detection;

/// <summary>What is done about a lost primary: at once where nothing can be lost and people have allowed it; else people are asked, with
/// what may be lost. Once for each loss, never within the cool-down.</summary>
internal sealed partial class LossResponse(
    ClusterOptions cluster, FleetModel fleet, DetectorPolicy policy, OperationService operations, OperationReader reader, LocalOperations local, Func<bool> leads, IFleetFeed feed, LastSeen seen, FailoverOptions options, TimeProvider time, ILogger log)
{
    /// <summary>The same loss is not answered again for so long: the operation under way needs it to be seen.</summary>
    private static readonly TimeSpan Settling = TimeSpan.FromSeconds(10);
    /// <summary>Of several consoles the one that observes acts at once; the others when it has not.</summary>
    private static readonly TimeSpan Yield = TimeSpan.FromSeconds(2);
    /// <summary>A loss that was not seen for so long is another when it is seen again.</summary>
    private static readonly TimeSpan Forget = TimeSpan.FromSeconds(5);
    /// <summary>Whether people are still being asked is looked at so often: a request may have expired while nobody was there.</summary>
    private static readonly TimeSpan AskAgain = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Denied = TimeSpan.FromHours(1);
    /// <summary>What people accept beyond the loss that is quoted to them, in bytes: a log segment, since the position of a primary is read some times a second only.</summary>
    private const long Slack = 16 << 20;
    private (string Source, int Timeline, DateTimeOffset At)? _acted;
    private (string Source, int Timeline, DateTimeOffset At)? _asked;
    private (string Source, int Timeline, DateTimeOffset At, DateTimeOffset Last)? _lost;
    private DateTimeOffset _notBefore = DateTimeOffset.MinValue;
    private string? _said;

    /// <returns>whether an operation was begun</returns>
    public async Task<bool> ActAsync(string source, int timeline, LossJudgement judgement, IReadOnlyDictionary<string, NodeReading> readings, CancellationToken cancel)
    {
        if (Hold(source, timeline) is { } hold)
        {
            if (hold != _said && hold.Length > 0) LogHeld(cluster.Id, hold);
            _said = hold;
            return false;
        }
        if (TargetChoice.Of(Candidates(source, readings)) is not { } target) return false;
        var inReach = readings.Count(r => r.Key != source && r.Value is { Answers: true, Standby: true });
        try
        {
            if (inReach >= Needed(source)) return await FailOverAsync(source, timeline, target, inReach, judgement, cancel);
            await AskAsync(source, timeline, target, inReach, judgement, cancel);
        }
        catch (Exception e) when (e is BlockedException or RequestRefusedException or NpgsqlException or System.Net.Sockets.SocketException or TimeoutException or OperationCanceledException && !cancel.IsCancellationRequested)
        {
            LogNotDone(cluster.Id, e.Message); // judged again soon
            _notBefore = time.GetUtcNow().AddMilliseconds(250);
        }
        return false;
    }

    /// <summary>Why nothing is done now; empty when that need not be said.</summary>
    private string? Hold(string source, int timeline)
    {
        var now = time.GetUtcNow();
        if (now < _notBefore) return "";
        if (_lost is not { } lost || lost.Source != source || lost.Timeline != timeline || now - lost.Last > Forget) lost = (source, timeline, now, now);
        _lost = lost = (source, timeline, lost.At, now);
        if (now - lost.At < Yield && !leads()) return "";
        if (policy.Hold(cluster) is { } hold) return hold;
        if (_acted is { } acted && acted.Source == source && acted.Timeline == timeline && now - acted.At < Settling) return "";
        if (policy.Of(cluster.Id).Holder is { } holder && !OperationKinds.Preempts(OperationKinds.Failover, holder.Kind)) return $"{holder.Kind} {holder.Id} holds the cluster";
        var cooldown = TimeSpan.FromSeconds(options.Detection.CooldownSeconds);
        if (new[] { policy.Of(cluster.Id).ActedAt, _acted?.At }.Max() is { } last && now - last < cooldown)
            return string.Create(CultureInfo.InvariantCulture, $"the last automatic failover was at {last:HH:mm:ss}Z, less than {options.Detection.CooldownSeconds:0} s ago");
        return null;
    }

    private async Task<bool> FailOverAsync(string source, int timeline, Candidate target, int inReach, LossJudgement judgement, CancellationToken cancel)
    {
        LogActs(cluster.Id, source, target.Region, judgement.Reason);
        var request = new OperationRequest(OperationKinds.Failover, Request(source, target.Region), $"automatic: {judgement.Reason}") { StandingApproval = true };
        // What has to give way first is ended through the database; else nothing waits for it.
        var id = policy.Of(cluster.Id).Holder is not null ? (await operations.SubmitAsync(request, Person.Console, cancel)).OperationId
            : await local.BeginAsync(request, Evidence(source, target, inReach, judgement), cancel);
        if (id is not { } operation)
        {
            LogNotDone(cluster.Id, "no epoch is in reserve yet");
            _notBefore = time.GetUtcNow().AddMilliseconds(250);
            return false;
        }
        _acted = (source, timeline, time.GetUtcNow());
        LogSubmitted(cluster.Id, operation);
        return true;
    }

    /// <summary>What the decision rests on.</summary>
    private Preflight Evidence(string source, Candidate target, int inReach, LossJudgement judgement) => new()
    {
        Checks =
        [
            new PreflightCheck("source-lost", CheckVerdict.Passed, judgement.Reason, $"{options.Detection.Failures} failures in a row and a majority of the standbys", "The console, the standbys and the clients agree."),
            new PreflightCheck("no-loss", CheckVerdict.Passed, $"{inReach} standbys in reach", $"{Needed(source)} of {cluster.Nodes.Count - 1}", "Every acknowledged row is on the most advanced standby in reach."),
            new PreflightCheck("compliance-zones", CheckVerdict.Passed, string.Join(", ", fleet.Regions[target.Region].ComplianceZones), string.Join(", ", cluster.ComplianceZones), "The target lies within the zones that the data is bound to."),
        ],
    };

    /// <summary>A standing approval never covers a loss: the failover is prepared and waits for people, who see what it may cost.</summary>
    private async Task AskAsync(string source, int timeline, Candidate target, int inReach, LossJudgement judgement, CancellationToken cancel)
    {
        if (_asked is { } asked && asked.Source == source && asked.Timeline == timeline && time.GetUtcNow() - asked.At < AskAgain) return;
        if (await IsAskedAsync(source, cancel))
        {
            _asked = (source, timeline, time.GetUtcNow());
            return;
        }
        var request = Request(source, target.Region);
        var preview = await operations.PreviewAsync(OperationKinds.Failover, request, cancel);
        request["overrides"] = new JsonArray([.. preview.Preflight.Blocking(preview.Plan).Select(c => c.Id).Append("no-loss").Distinct().Select(id => (JsonNode)id)]);
        long? missing = seen.Position(cluster.Id, source) is { } written ? (long)(written > target.Position ? written - target.Position : 0) : null;
        if (missing is { } most) request[FailoverPlanner.LostBytesBound] = most + Slack;
        var bytes = missing is { } quoted ? $"at least {quoted.ToString(CultureInfo.InvariantCulture)} bytes that {source} had written are not on {target.Region}; it turns back at more than {(quoted + Slack).ToString(CultureInfo.InvariantCulture)}" : "how much is not known";
        var reason = $"automatic: {judgement.Reason}. Acknowledged rows may be lost: {inReach} of {Needed(source)} standbys needed are in reach; {bytes}";
        var submitted = await operations.SubmitAsync(new OperationRequest(OperationKinds.Failover, request, reason), Person.Console, cancel);
        _asked = (source, timeline, time.GetUtcNow());
        LogAsked(cluster.Id, source, target.Region, submitted.OperationId);
    }

    /// <summary>By another console, or by this one before it was started again. Who has said no is not asked again for an hour; a request that ran out unread is made again.</summary>
    private async Task<bool> IsAskedAsync(string source, CancellationToken cancel) => (await reader.ListAsync(OperationKinds.Failover, cancel: cancel)).Any(o =>
        o.RequestedById == Person.Console.Id && o.Request["cluster"]?.GetValue<string>() == cluster.Id && o.Request["source"]?.GetValue<string>() == source
        && (!o.State.IsEnd() || (o.State == OperationState.Cancelled && time.GetUtcNow() - (o.EndedAt ?? o.CreatedAt) < Denied)));

    private int Needed(string source) => LossRule.StandbysNeeded(cluster, seen.Confirmations(cluster.Id, source));

    private JsonObject Request(string source, string target) => Request(cluster, source, target);

    internal static JsonObject Request(ClusterOptions cluster, string source, string target) => new()
    {
        ["cluster"] = cluster.Id, ["source"] = source, ["target"] = target, ["strategy"] = "immediate", ["planned"] = false,
    };

    private IEnumerable<Candidate> Candidates(string source, IReadOnlyDictionary<string, NodeReading> readings) => readings.Where(r => r.Key != source && r.Value is { Answers: true, Standby: true }).Select(r => new Candidate(
        r.Key, r.Value.Position, fleet.Regions[r.Key].Priority, feed.Current.Latencies.GetValueOrDefault($"console>{r.Key}")?.Milliseconds,
        cluster.ComplianceZones.Count == 0 || fleet.Regions[r.Key].ComplianceZones.Intersect(cluster.ComplianceZones).Any()));

    [LoggerMessage(5103, LogLevel.Warning, "{Cluster}: the loss is not acted upon: {Hold}")]
    private partial void LogHeld(string cluster, string hold);

    [LoggerMessage(5104, LogLevel.Error, "{Cluster}: fails over from {Source} to {Target}: {Reason}")]
    private partial void LogActs(string cluster, string source, string target, string reason);

    [LoggerMessage(5105, LogLevel.Information, "{Cluster}: failover is operation {Operation}")]
    private partial void LogSubmitted(string cluster, Guid operation);

    [LoggerMessage(5106, LogLevel.Warning, "{Cluster}: not done: {Problem}")]
    private partial void LogNotDone(string cluster, string problem);

    [LoggerMessage(5111, LogLevel.Error, "{Cluster}: {Source} is lost and a failover to {Target} may lose rows: it waits for approval as operation {Operation}")]
    private partial void LogAsked(string cluster, string source, string target, Guid operation);
}
