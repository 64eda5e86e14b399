using OpsConsole.Core.Fleet;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Failover.Detection;

/// <summary>What was last read about a cluster in the console's database.</summary>
/// <param name="Allowed">people have turned automatic failover on</param>
/// <param name="Holder">the operation that holds its topology; null: none</param>
/// <param name="ActedAt">when the console last failed it over by itself, on whichever node</param>
internal sealed record ClusterKnowledge(bool Allowed, OperationHolder? Holder, DateTimeOffset? ActedAt)
{
    public static ClusterKnowledge Nothing { get; } = new(false, null, null);
}

/// <summary>What people allow the detector to do, as last read: reading goes on in the background, so that judging waits for no database.
/// While the database is away what was known goes on counting.</summary>
internal sealed class DetectorPolicy
{
    private volatile IReadOnlyDictionary<string, ClusterKnowledge> _clusters = new Dictionary<string, ClusterKnowledge>();
    private volatile IReadOnlyList<ActiveHold> _holds = [];
    private volatile bool _known;

    /// <summary>False until it was read once: nothing is done before.</summary>
    public bool IsKnown => _known;

    public ClusterKnowledge Of(string cluster) => _clusters.GetValueOrDefault(cluster) ?? ClusterKnowledge.Nothing;

    public bool Allows(string cluster) => Of(cluster).Allowed;

    /// <summary>Why nothing is done by itself on the cluster now; null when nothing keeps the console from it.</summary>
    public string? Hold(ClusterOptions cluster)
    {
        if (!_known) return "what people allow has not been read yet";
        var scopes = Automation.ScopesOf(cluster);
        return _holds.FirstOrDefault(h => h.Hold is Operations.Hold.Maintenance or Operations.Hold.AutomationPaused && scopes.Contains(h.Scope)) is { } hold ? $"{hold.Hold} of {hold.Scope}: {hold.Reason}" : null;
    }

    public void Set(IReadOnlyDictionary<string, ClusterKnowledge> clusters, IReadOnlyList<ActiveHold> holds) => (_clusters, _holds, _known) = (clusters, holds, true);
}
