using System.Globalization;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health.Probing;

namespace OpsConsole.Core.Objectives;

/// <summary>OB-2: the time to recover, as far as its parts are known.</summary>
/// <param name="Seconds">null while no part is known</param>
/// <param name="Source">which parts it comes from, and which are missing</param>
public sealed record RtoEstimate(double? Seconds, string Source)
{
    /// <summary>The newest unplanned recovery says all of it. Otherwise: detection follows from the probes of the primary's database service: the quickest of them decides. Promotion and traffic
    /// shift are measured by switchovers, failovers and drills only.</summary>
    public static RtoEstimate Of(ClusterOptions cluster, string? primaryRegion, ProbePlan plan, RecoveryProof? proof = null)
    {
        if (proof is { Planned: false })
            return new RtoEstimate(proof.RtoSeconds, string.Create(CultureInfo.InvariantCulture, $"measured in the {proof.From} of {proof.At.UtcDateTime:yyyy-MM-dd HH:mm}Z, detection included"));
        var region = primaryRegion ?? cluster.PrimaryRegion;
        var service = cluster.Nodes.Find(n => n.Region == region)?.Service;
        var quickest = plan.Probes.Where(p => p.Service == service).MinBy(p => p.Interval * p.FailureThreshold);
        if (quickest is null && proof is not null)
            return new RtoEstimate(proof.RtoSeconds, string.Create(CultureInfo.InvariantCulture, $"pause of the {proof.From} of {proof.At.UtcDateTime:yyyy-MM-dd HH:mm}Z; no probe watches the primary: detection is not in it"));
        if (quickest is null)
            return new RtoEstimate(null, "unknown: no probe watches the primary; never proven by a failover or drill");
        var seconds = (quickest.Interval * quickest.FailureThreshold).TotalSeconds;
        if (proof is not null)
        {
            return new RtoEstimate(seconds + proof.RtoSeconds, string.Create(CultureInfo.InvariantCulture,
                $"detection {quickest.FailureThreshold} × {quickest.Interval.TotalSeconds:0.##} s, and the pause of {proof.RtoSeconds:0.##} s measured in the {proof.From} of {proof.At.UtcDateTime:yyyy-MM-dd HH:mm}Z"));
        }
        return new RtoEstimate(seconds, string.Create(CultureInfo.InvariantCulture,
            $"detection {quickest.FailureThreshold} × {quickest.Interval.TotalSeconds:0.##} s only; promotion and traffic shift not yet proven by a failover or drill"));
    }
}
