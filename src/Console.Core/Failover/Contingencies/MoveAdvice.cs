using System.Globalization;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Failover.Contingencies;

/// <summary>A region that holds a cluster's primary serves so badly that people should look at a move (FO-7). It never moves anything.</summary>
/// <param name="Problems">services and figures against their limits; whole clauses</param>
/// <param name="Target">of the plan that is ready for the loss of the region; null when nothing that remains may take over</param>
public sealed record MoveAdvice(string Cluster, string Source, IReadOnlyList<string> Problems, string? Target, string Prepared)
{
    public string Words => $"{string.Join("; ", Problems)}. {Prepared}";
}

/// <summary>When to speak. Pure.</summary>
public static class MoveAdviceRules
{
    /// <summary>A service that was not seen for so long says nothing.</summary>
    private static readonly TimeSpan Stale = TimeSpan.FromMinutes(2);

    /// <returns>null when the cluster's primary region serves within the limits, or nothing is known of it</returns>
    public static MoveAdvice? Judge(ClusterOptions cluster, FleetSnapshot picture, ContingencyReport? plans, AdviceOptions limits, DateTimeOffset now)
    {
        if (picture.Clusters.GetValueOrDefault(cluster.Id)?.PrimaryRegion is not { } source) return null;
        var problems = picture.Services.Values.Where(s => s.Region == source && s.Tier is ServiceTier.Critical or ServiceTier.High && now - s.LastSampleAt < Stale)
            .SelectMany(s => Problems(s, limits)).ToList();
        if (problems.Count == 0) return null;
        var ready = plans?.Losing(1).FirstOrDefault(c => c.Lost[0] == source)?.Clusters.FirstOrDefault(c => c.Cluster == cluster.Id);
        return new MoveAdvice(cluster.Id, source, problems, ready?.Target, ready switch
        {
            { Target: { } target, Plan: { } plan } => $"A plan is ready: {plan.Title}{Blocked(ready)}. Nothing moves until somebody asks for it ({target}).",
            null => "No plan has been computed yet.",
            _ => "Nothing that remains may take it over.",
        });
    }

    private static IEnumerable<string> Problems(ServiceState service, AdviceOptions limits)
    {
        if (service.ErrorRatePercent >= limits.ErrorPercent)
            yield return string.Create(CultureInfo.InvariantCulture, $"{service.Id}: {service.ErrorRatePercent:0.#} % of its requests fail (limit {limits.ErrorPercent:0.#} %)");
        if (service.P95Ms >= limits.ResponseSeconds * 1000)
            yield return string.Create(CultureInfo.InvariantCulture, $"{service.Id}: answers within {service.P95Ms / 1000:0.0} s at the 95th percentile (limit {limits.ResponseSeconds:0.#} s)");
    }

    private static string Blocked(ClusterContingency ready) => ready.Blocking.Any() ? $", blocked by {string.Join(", ", ready.Blocking.Select(c => c.Id))}" : "";
}
