using System.Globalization;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health.Probing;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Objectives;

/// <summary>OB-2: the time to recover, as far as its parts are known.</summary>
/// <param name="Seconds">null while no part is known</param>
/// <param name="Source">which parts it comes from, and which are missing</param>
public sealed record RtoEstimate(double? Seconds, string Source)
{
    /// <summary>The newest unplanned recovery says all of it. Otherwise: detection follows from the probes of the primary's database service: the quickest of them decides. Promotion and traffic
    /// shift are measured by switchovers, failovers and drills only.</summary>
    /// <param name="restore">the newest proven restore of a backup: what counts when no standby could take over</param>
    /// <param name="state">null: nothing is seen of the cluster yet</param>
    public static RtoEstimate Of(ClusterOptions cluster, string? primaryRegion, ProbePlan plan, RecoveryProof? proof = null, RecoveryProof? restore = null, ClusterState? state = null)
    {
        if (!HasStandby(cluster, state)) return Restoring(cluster, primaryRegion, plan, restore);
        if (proof is { Planned: false })
            return new RtoEstimate(proof.RtoSeconds, string.Create(CultureInfo.InvariantCulture, $"measured in the {proof.From} of {proof.At.UtcDateTime:yyyy-MM-dd HH:mm}Z, detection included"));
        var quickest = Quickest(cluster, primaryRegion, plan);
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

    private static bool HasStandby(ClusterOptions cluster, ClusterState? state) => cluster.Nodes.Count > 1 && (state is null || state.Nodes.IsDefaultOrEmpty || state.Nodes.Any(n => n is { Role: NodeRole.Standby, Reachable: true }));

    private static ProbeSpec? Quickest(ClusterOptions cluster, string? primaryRegion, ProbePlan plan)
    {
        var region = primaryRegion ?? cluster.PrimaryRegion;
        var service = cluster.Nodes.Find(n => n.Region == region)?.Service;
        return plan.Probes.Where(p => p.Service == service).MinBy(p => p.Interval * p.FailureThreshold);
    }

    private static RtoEstimate Restoring(ClusterOptions cluster, string? primaryRegion, ProbePlan plan, RecoveryProof? restore)
    {
        if (restore is null) return new RtoEstimate(null, "unknown: no standby could take over, and no backup has been proven by a restore within seven days");
        var detection = Quickest(cluster, primaryRegion, plan) is { } quickest ? (quickest.Interval * quickest.FailureThreshold).TotalSeconds : 0;
        return new RtoEstimate(detection + restore.RtoSeconds, string.Create(CultureInfo.InvariantCulture,
            $"no standby could take over: {restore.RtoSeconds:0.##} s measured in the {restore.From} of {restore.At.UtcDateTime:yyyy-MM-dd HH:mm}Z{(detection > 0 ? $", and detection {detection:0.##} s" : "; no probe watches the primary: detection is not in it")}; asking for it and moving traffic are not in it"));
    }
}
