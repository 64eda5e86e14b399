using OpsConsole.Core.Live;

namespace OpsConsole.Core.Failover;

public enum WatchOutcome { Hold, Pass, Fail }

public sealed record WatchVerdict(WatchOutcome Outcome, string Reason);

/// <summary>Judges a target that has just received more traffic. Pure. Few requests are no evidence: they hold, and past the deadline
/// they fail; they never pass.</summary>
public static class HealthWatch
{
    /// <param name="requests">served by the target since the shift</param>
    /// <param name="errors">of these, failed</param>
    /// <param name="turned">whether the region was better at any moment since the shift. One that was bad before, because its services have only just been
    /// started, has until the deadline to recover: until then its requests speak for it.</param>
    public static WatchVerdict Judge(WatchOptions rule, TimeSpan elapsed, long requests, long errors, HealthStatus region, bool turned = true)
    {
        var bad = IsBad(region);
        var late = elapsed.TotalSeconds >= rule.DeadlineSeconds;
        if (bad && (turned || late)) return new WatchVerdict(WatchOutcome.Fail, $"the region is {region.ToString().ToLowerInvariant()}");
        var percent = requests == 0 ? 0 : 100.0 * errors / requests;
        var counted = FormattableString.Invariant($"{errors} of {requests} requests failed ({percent:0.#} %, limit {rule.ErrorPercent:0.#} %)");
        if (requests >= rule.MinimumRequests && percent > rule.ErrorPercent) return new WatchVerdict(WatchOutcome.Fail, counted);
        if (requests < rule.MinimumRequests)
        {
            return late
                ? new WatchVerdict(WatchOutcome.Fail, FormattableString.Invariant($"only {requests} of {rule.MinimumRequests} requests in {rule.DeadlineSeconds:0.#} s: not enough to judge it"))
                : new WatchVerdict(WatchOutcome.Hold, FormattableString.Invariant($"{requests} of {rule.MinimumRequests} requests so far"));
        }
        return bad || elapsed.TotalSeconds < rule.DwellSeconds ? new WatchVerdict(WatchOutcome.Hold, counted) : new WatchVerdict(WatchOutcome.Pass, counted);
    }

    public static bool IsBad(HealthStatus region) => region is HealthStatus.Critical or HealthStatus.Failed;
}
