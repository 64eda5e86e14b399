using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Chaos;

/// <summary>Something so bad that nobody experiments meanwhile.</summary>
/// <param name="Id">of this occurrence: another one of the same thing has another id</param>
/// <param name="Region">where; null: everywhere</param>
/// <param name="Cluster">of which cluster; null: of none</param>
public sealed record SevereCondition(string Id, string What, string? Region = null, string? Cluster = null);

/// <summary>Severe incidents and alerts that are open; each capability that knows of some is one.</summary>
public interface ISevereConditions
{
    Task<IReadOnlyList<SevereCondition>> ListAsync(CancellationToken cancel);
}

/// <summary>What the live picture shows: regions and clusters that are critical or failed.</summary>
public sealed class SevereInThePicture(IFleetFeed feed) : ISevereConditions
{
    public Task<IReadOnlyList<SevereCondition>> ListAsync(CancellationToken cancel)
    {
        var picture = feed.Current;
        return Task.FromResult<IReadOnlyList<SevereCondition>>(
        [
            .. picture.Regions.Values.Where(r => IsSevere(r.Status)).Select(r => new SevereCondition($"region:{r.Id}@{r.Since:O}", $"region {r.Id} is {r.Status.Word()}: {r.Reason}", r.Id)),
            .. picture.Clusters.Values.Where(c => IsSevere(c.Status)).Select(c => new SevereCondition($"cluster:{c.Id}@{c.Timeline}", $"cluster {c.Id} is {c.Status.Word()}: {c.Reason}", Cluster: c.Id)),
        ]);
    }

    private static bool IsSevere(HealthStatus status) => status is HealthStatus.Critical or HealthStatus.Failed;
}

/// <summary>The console itself had to move a cluster a short while ago: nobody knows yet why, and the fleet is one region short.</summary>
public sealed class RecentFailovers(OperationReader operations, ChaosOptions options, TimeProvider time) : ISevereConditions
{
    public async Task<IReadOnlyList<SevereCondition>> ListAsync(CancellationToken cancel)
    {
        var since = time.GetUtcNow().AddMinutes(-options.QuietMinutes);
        return [.. (await operations.ListAsync(OperationKinds.Failover, limit: 20, cancel: cancel))
            .Where(o => o.RequestedById == Approvals.Person.Console.Id && o.Request["planned"]?.GetValue<bool>() == false && !o.Request.ContainsKey(FailoverFault.PartOf) && (o.EndedAt ?? time.GetUtcNow()) > since)
            .Select(o => new SevereCondition($"failover:{o.Id}", $"{o.Plan.Title}, begun by the console itself at {o.CreatedAt.UtcDateTime:HH:mm}Z", Cluster: o.Request["cluster"]?.ToString()))];
    }
}

/// <summary>What is severe, less what running experiments are expected to do.</summary>
public sealed class OpenSevere(IEnumerable<ISevereConditions> sources)
{
    public async Task<IReadOnlyList<SevereCondition>> UnexpectedAsync(IReadOnlyCollection<Operation> running, CancellationToken cancel)
    {
        var open = (await Task.WhenAll(sources.Select(s => s.ListAsync(cancel)))).SelectMany(s => s).ToList();
        if (open.Count == 0) return [];
        var regions = running.SelectMany(o => Touched(o, "regions")).ToHashSet();
        var clusters = running.Where(HurtsClusters).SelectMany(o => Touched(o, "clusters")).ToHashSet();
        return [.. open.Where(s => !(s.Region is not null && regions.Contains(s.Region)) && !(s.Cluster is not null && clusters.Contains(s.Cluster)))];
    }

    private static IEnumerable<string> Touched(Operation experiment, string what) => experiment.Plan.Steps[0].Parameters[what]?.AsArray().Select(r => r!.ToString()) ?? [];

    private static bool HurtsClusters(Operation experiment) => experiment.Plan.Steps[0].Parameters["group"]?.ToString() is "database" or "regional";
}
