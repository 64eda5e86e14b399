namespace OpsConsole.Core.Live;

/// <param name="Kind">status, failover, deployment, experiment, silence, configuration, access, ...: chooses the icon.</param>
/// <param name="Link">page that shows more, relative; empty when there is none</param>
public sealed record ChangeItem(DateTimeOffset At, string Kind, string Title, string Detail, string By, string Link);

/// <summary>A capability that has something to say to "what changed in the last hour" (DA-4). All sources are merged by <see cref="RecentChanges"/>.</summary>
public interface IChangeSource
{
    Task<IReadOnlyList<ChangeItem>> ReadAsync(DateTimeOffset since, int limit, CancellationToken cancel);
}

public sealed class RecentChanges(IEnumerable<IChangeSource> sources)
{
    public async Task<IReadOnlyList<ChangeItem>> ReadAsync(DateTimeOffset since, int limit, CancellationToken cancel = default)
    {
        var all = new List<ChangeItem>();
        foreach (var source in sources)
            all.AddRange(await source.ReadAsync(since, limit, cancel));
        return all.OrderByDescending(c => c.At).Take(limit).ToList();
    }
}
