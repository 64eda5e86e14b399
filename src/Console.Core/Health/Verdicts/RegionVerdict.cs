using System.Globalization;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Health.Verdicts;

/// <param name="AvailabilityPercent">over 5 min; null: no samples</param>
public readonly record struct ServiceShare(string Id, ServiceTier Tier, HealthStatus Status, double? AvailabilityPercent);

/// <summary>HE-3, pure. Availability of a region = Σ weight × a ÷ Σ weight over its probed services, where weight is 4, 3, 2, 1 for
/// critical, high, medium, low, and a is 0 for a service that is down now, else its availability over the last 5 min. Healthy ≥ 95 %,
/// Degraded ≥ 80 %, Critical ≥ 50 %, else Failed; a critical-tier service that is down caps at Critical. Services whose verdict is
/// unknown are left out of the figure, and a region that would be Healthy only if they are well is Unknown.</summary>
public static class RegionVerdict
{
    /// <summary>The method, for people.</summary>
    public const string Method = "Share of services available over 5 min, weighted by tier (critical 4, high 3, medium 2, low 1); a service that is down counts 0; a critical one that is down caps the region at critical.";

    public static HealthStatus FromAvailability(double percent) => percent switch
    {
        >= 95 => HealthStatus.Healthy,
        >= 80 => HealthStatus.Degraded,
        >= 50 => HealthStatus.Critical,
        _ => HealthStatus.Failed,
    };

    public static (HealthStatus Status, double? AvailabilityPercent, string Reason) Decide(IReadOnlyList<ServiceShare> services)
    {
        double sum = 0, known = 0, unknown = 0;
        var down = new List<string>();
        var criticalDown = false;
        foreach (var service in services)
        {
            var weight = (int)service.Tier;
            if (service.Status == HealthStatus.Unknown || (service.AvailabilityPercent is null && service.Status != HealthStatus.Failed))
            {
                unknown += weight;
                continue;
            }
            known += weight;
            if (service.Status != HealthStatus.Failed)
                sum += weight * service.AvailabilityPercent!.Value;
            else
            {
                down.Add(service.Id);
                criticalDown |= service.Tier == ServiceTier.Critical;
            }
        }
        if (known == 0)
            return (HealthStatus.Unknown, null, services.Count == 0 ? "no service is probed" : "no fresh sample");
        // Rounded first: the figure that people see and the status never contradict each other.
        var availability = Math.Round(sum / known, 2);
        var status = Cap(FromAvailability(availability), criticalDown);
        if (unknown > 0)
        {
            var best = Cap(FromAvailability((sum + unknown * 100) / (known + unknown)), criticalDown);
            var worst = Cap(FromAvailability(sum / (known + unknown)), criticalDown);
            status = best != worst && best == HealthStatus.Healthy ? HealthStatus.Unknown : best;
        }
        return (status, availability, Reason(services.Count, down, availability, unknown > 0));
    }

    private static HealthStatus Cap(HealthStatus status, bool criticalDown) =>
        criticalDown && status < HealthStatus.Critical ? HealthStatus.Critical : status;

    private static string Reason(int count, List<string> down, double availability, bool unknown)
    {
        var share = string.Create(CultureInfo.InvariantCulture, $"{availability:0.##} % available over 5 min");
        var part = down.Count > 0 ? $"{down.Count} of {count} services down ({string.Join(", ", down)}), " : "";
        return part + share + (unknown ? ", some services unknown" : "");
    }
}
