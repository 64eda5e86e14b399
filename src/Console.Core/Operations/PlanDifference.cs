using System.Text.Json.Nodes;

namespace OpsConsole.Core.Operations;

/// <summary>One place in which two plans differ. <see cref="Before"/> or <see cref="After"/> is null where there is nothing.</summary>
/// <param name="Path">as in <c>steps[2].parameters.percent</c></param>
public sealed record PlanChange(string Path, string? Before, string? After);

public static class PlanDifference
{
    public static IReadOnlyList<PlanChange> Between(Plan before, Plan after)
    {
        var changes = new List<PlanChange>();
        Walk("", before.Json, after.Json, changes);
        return changes;
    }

    private static void Walk(string path, JsonNode? before, JsonNode? after, List<PlanChange> changes)
    {
        switch (before, after)
        {
            case (JsonObject a, JsonObject b):
                foreach (var key in a.Select(m => m.Key).Union(b.Select(m => m.Key)).Order(StringComparer.Ordinal))
                    Walk(path.Length == 0 ? key : $"{path}.{key}", a[key], b[key], changes);
                break;
            case (JsonArray a, JsonArray b):
                for (var i = 0; i < Math.Max(a.Count, b.Count); i++)
                    Walk($"{path}[{i}]", i < a.Count ? a[i] : null, i < b.Count ? b[i] : null, changes);
                break;
            default:
                var (was, becomes) = (before is null ? null : OperationJson.Canonical(before), after is null ? null : OperationJson.Canonical(after));
                if (was != becomes) changes.Add(new PlanChange(path, was, becomes));
                break;
        }
    }
}
