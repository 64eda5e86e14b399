namespace OpsConsole.Core.Operations;

/// <summary>Planners by kind.</summary>
public sealed class PlannerRegistry
{
    private readonly Dictionary<string, IPlanner> _planners;

    public PlannerRegistry(IEnumerable<IPlanner> planners)
    {
        _planners = [];
        foreach (var planner in planners)
        {
            if (!_planners.TryAdd(planner.Kind, planner)) throw new InvalidOperationException($"Two planners make '{planner.Kind}'.");
        }
    }

    public IReadOnlyCollection<string> Kinds => _planners.Keys;

    public IPlanner Get(string kind) => _planners.TryGetValue(kind, out var planner) ? planner
        : throw new RequestRefusedException("kind", $"No planner makes '{kind}'. Known: {string.Join(", ", _planners.Keys.Order(StringComparer.Ordinal))}.");
}
