namespace OpsConsole.Core.Fleet.Configuration;

/// <summary>What several rules need: duplicates and references.</summary>
internal static class Rules
{
    public static void Unique<T>(this Mistakes mistakes, IEnumerable<T> items, string property, Func<T, string> key, string what) where T : class
    {
        foreach (var group in items.Where(i => key(i).Length > 0).GroupBy(key, StringComparer.OrdinalIgnoreCase).Where(g => g.Count() > 1))
            foreach (var again in group.Skip(1))
                mistakes.Add(again, property, $"{what} \"{key(again)}\" is already used by {mistakes.PathOf(group.First())}", "Give each its own.");
    }

    /// <summary>Reports a reference to something that is not declared, with a suggestion. Empty references are the business of "required".</summary>
    public static bool Refers(this Mistakes mistakes, object options, string property, string id, IEnumerable<string> declared, string what)
    {
        if (id.Length == 0)
            return false;
        var known = declared.ToList();
        if (known.Contains(id))
            return true;
        var list = known.Count == 0 ? "none is declared" : "declared: " + string.Join(", ", known);
        mistakes.Add(options, property, $"there is no {what} \"{id}\"", $"{Suggestion.Hint(id, known)}Name a declared {what} ({list}).");
        return false;
    }

    public static bool AreSame(string a, string b) => string.Equals(a, b, StringComparison.OrdinalIgnoreCase);
}
