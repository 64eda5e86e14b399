namespace OpsConsole.Core.Fleet;

/// <summary>The order in which recovery starts services: what is depended on comes first.</summary>
public static class RecoveryOrder
{
    /// <summary>All services in dependency order; those that may start together stand in the order of their tier (critical first), then of their id.</summary>
    /// <exception cref="ArgumentException">They depend on each other in a circle.</exception>
    public static IReadOnlyList<ServiceOptions> Of(IReadOnlyCollection<ServiceOptions> services)
    {
        var ordered = new List<ServiceOptions>();
        foreach (var wave in Waves(services))
            ordered.AddRange(wave);
        return ordered;
    }

    /// <summary>Groups of services that may start at the same time, one group after the other.</summary>
    public static IEnumerable<IReadOnlyList<ServiceOptions>> Waves(IReadOnlyCollection<ServiceOptions> services)
    {
        var known = services.Select(s => s.Id).ToHashSet();
        var started = new HashSet<string>();
        while (started.Count < known.Count)
        {
            var wave = services.Where(s => !started.Contains(s.Id) && s.DependsOn.All(d => started.Contains(d) || !known.Contains(d)))
                .OrderByDescending(s => s.Tier).ThenBy(s => s.Id, StringComparer.Ordinal).ToList();
            if (wave.Count == 0)
                throw new ArgumentException($"Services depend on each other in a circle: {string.Join(" → ", FindCycle(services)!)}.", nameof(services));
            started.UnionWith(wave.Select(s => s.Id));
            yield return wave;
        }
    }

    /// <summary>Ids of a circle, the first repeated at the end; null when there is none.</summary>
    public static IReadOnlyList<string>? FindCycle(IReadOnlyCollection<ServiceOptions> services)
    {
        var byId = services.GroupBy(s => s.Id).ToDictionary(g => g.Key, g => g.First());
        var done = new HashSet<string>();
        foreach (var service in byId.Values)
            if (Walk(service.Id, [], byId, done) is { } cycle)
                return cycle;
        return null;
    }

    private static List<string>? Walk(string id, List<string> path, Dictionary<string, ServiceOptions> byId, HashSet<string> done)
    {
        if (path.IndexOf(id) is >= 0 and var at)
            return path.Count - at == 1 ? null : [.. path[at..], id]; // a service that names itself is reported apart
        if (!byId.TryGetValue(id, out var service) || done.Contains(id))
            return null;
        path.Add(id);
        foreach (var dependency in service.DependsOn)
            if (Walk(dependency, path, byId, done) is { } cycle)
                return cycle;
        path.RemoveAt(path.Count - 1);
        done.Add(id);
        return null;
    }
}
