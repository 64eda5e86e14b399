using System.Globalization;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health.Probing;

namespace OpsConsole.Core.Objectives;

/// <summary>OB-2: the time to recover, as far as its parts are known.</summary>
/// <param name="Seconds">null while no part is known</param>
/// <param name="Source">which parts it comes from, and which are missing</param>
public sealed record RtoEstimate(double? Seconds, string Source)
{
    /// <summary>Detection follows from the probes of the primary's database service: the quickest of them decides. Promotion and traffic
    /// shift are measured by failovers and drills only.</summary>
    public static RtoEstimate Of(ClusterOptions cluster, string? primaryRegion, ProbePlan plan)
    {
        var region = primaryRegion ?? cluster.PrimaryRegion;
        var service = cluster.Nodes.Find(n => n.Region == region)?.Service;
        var quickest = plan.Probes.Where(p => p.Service == service).MinBy(p => p.Interval * p.FailureThreshold);
        if (quickest is null)
            return new RtoEstimate(null, "unknown: no probe watches the primary; never proven by a failover or drill");
        var seconds = (quickest.Interval * quickest.FailureThreshold).TotalSeconds;
        return new RtoEstimate(seconds, string.Create(CultureInfo.InvariantCulture,
            $"detection {quickest.FailureThreshold} × {quickest.Interval.TotalSeconds:0.##} s only; promotion and traffic shift not yet proven by a failover or drill"));
    }
}
