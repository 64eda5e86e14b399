using OpsConsole.Core.Live;

namespace OpsConsole.Core.Health.Verdicts;

/// <summary>FL-4: one word for the whole fleet. Failed when every region has failed; critical when a region or a cluster is critical
/// or failed; unknown when the state of a region or cluster is not known; degraded when anything else is not well.</summary>
public static class OverallVerdict
{
    public static HealthStatus Decide(
        IEnumerable<HealthStatus> regions, IEnumerable<HealthStatus> clusters, IEnumerable<HealthStatus> links, IEnumerable<HealthStatus> components)
    {
        var (count, failed, worst, unknown) = (0, 0, HealthStatus.Healthy, false);
        foreach (var region in regions)
        {
            count++;
            if (region == HealthStatus.Failed)
                failed++;
            Note(region);
        }
        if (count > 0 && failed == count)
            return HealthStatus.Failed;
        foreach (var cluster in clusters)
            Note(cluster);
        if (worst >= HealthStatus.Critical)
            return HealthStatus.Critical;
        if (unknown || count == 0)
            return HealthStatus.Unknown;
        var rest = links.Concat(components).Any(s => s >= HealthStatus.Degraded);
        return worst == HealthStatus.Degraded || rest ? HealthStatus.Degraded : HealthStatus.Healthy;

        void Note(HealthStatus status)
        {
            unknown |= status == HealthStatus.Unknown;
            if (status > worst)
                worst = status;
        }
    }
}
