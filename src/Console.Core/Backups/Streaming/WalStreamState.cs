using System.Collections.Concurrent;
using OpsConsole.Core.Replication;

namespace OpsConsole.Core.Backups.Streaming;

/// <summary>How a cluster's log stream stands.</summary>
/// <param name="Region">whose node is read</param>
/// <param name="Stored">position up to which at least one repository has the log</param>
/// <param name="StoredAt">when that became so</param>
/// <param name="RetainedBytes">log that the primary keeps for it</param>
/// <param name="Gap">a stretch was missed since this node streams it; what bounds restores is in <see cref="LogGaps"/></param>
/// <param name="Failure">why it does not stream now; null: it does</param>
public sealed record WalStreamState(
    string Cluster, string? Region, int? Timeline, WalPosition? Stored, DateTimeOffset? StoredAt, long? RetainedBytes, bool Gap, string? Failure, IReadOnlyCollection<WalCopyState> Copies);

/// <summary>The log streams of this node, for whoever shows or asks. Only the node that observes has any.</summary>
public sealed class WalStreamStates
{
    private readonly ConcurrentDictionary<string, WalStreamState> _states = [];

    public IReadOnlyCollection<WalStreamState> All => [.. _states.Values.OrderBy(s => s.Cluster, StringComparer.Ordinal)];

    public WalStreamState? Of(string cluster) => _states.GetValueOrDefault(cluster);

    internal void Set(string cluster, Func<WalStreamState, WalStreamState> change) =>
        _states.AddOrUpdate(cluster, c => change(new WalStreamState(c, null, null, null, null, null, false, "it has not begun yet", [])), (_, known) => change(known));

    internal void Remove(string cluster) => _states.TryRemove(cluster, out _);
}
