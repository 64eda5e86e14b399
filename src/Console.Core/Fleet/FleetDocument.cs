using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Text;
using System.Text.Json;
using OpsConsole.Core.Fleet.Configuration;

namespace OpsConsole.Core.Fleet;

/// <param name="Path">Index or id in lists: <c>Regions:0:Priority</c> or <c>Regions:us-east-1:Priority</c>.</param>
public sealed record FleetLeaf(string Path, string Value, bool IsSecret);

/// <param name="Before">null: was not there</param>
/// <param name="After">null: is not there any more</param>
public sealed record FleetDifference(string Path, string? Before, string? After);

/// <summary>The fleet as a flat document: for the settings page, for versions, and for the difference between two of them.</summary>
public static class FleetDocument
{
    private static readonly JsonSerializerOptions Plain = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <param name="byIndex">Paths as in the configuration; else lists are addressed by id, so that an inserted entry does not change the paths of the others.</param>
    public static IEnumerable<FleetLeaf> Flatten(FleetOptions fleet, bool byIndex) => Walk(fleet, "", byIndex);

    /// <summary>Sorted paths with their values; of secrets only whether they are set.</summary>
    public static string Canonical(FleetOptions fleet)
    {
        var leaves = Flatten(fleet, byIndex: false)
            .Where(l => l.Value.Length > 0)
            .GroupBy(l => l.Path).Select(g => g.First())
            .ToDictionary(l => l.Path, l => l.IsSecret ? "(set)" : l.Value);
        return JsonSerializer.Serialize(new SortedDictionary<string, string>(leaves, StringComparer.Ordinal), Plain);
    }

    public static IReadOnlyList<FleetDifference> Compare(string before, string after)
    {
        var old = Parse(before);
        var now = Parse(after);
        return old.Keys.Union(now.Keys).Order(StringComparer.Ordinal)
            .Select(path => new FleetDifference(path, old.GetValueOrDefault(path), now.GetValueOrDefault(path)))
            .Where(d => d.Before != d.After).ToList();
    }

    private static Dictionary<string, string> Parse(string document) => JsonSerializer.Deserialize<Dictionary<string, string>>(document) ?? [];

    private static IEnumerable<FleetLeaf> Walk(object options, string prefix, bool byIndex)
    {
        foreach (var property in options.GetType().GetProperties(BindingFlags.Public | BindingFlags.Instance))
            foreach (var leaf in Value(property.GetValue(options), prefix + property.Name, property.GetCustomAttribute<SecretAttribute>() is not null, byIndex))
                yield return leaf;
    }

    private static IEnumerable<FleetLeaf> Value(object? value, string path, bool secret, bool byIndex) => value switch
    {
        null => [],
        string text => [new FleetLeaf(path, text, secret)],
        IDictionary<string, string> words => words.OrderBy(w => w.Key, StringComparer.Ordinal).Select(w => new FleetLeaf($"{path}:{w.Key}", w.Value, secret)),
        IList list => list.Cast<object>().SelectMany((item, i) => Value(item, $"{path}:{(byIndex ? Index(i) : IdOf(item, i))}", secret, byIndex)),
        Enum word => [new FleetLeaf(path, JsonNamingPolicy.CamelCase.ConvertName(word.ToString()), false)],
        bool flag => [new FleetLeaf(path, flag ? "true" : "false", false)],
        IFormattable number => [new FleetLeaf(path, number.ToString(null, CultureInfo.InvariantCulture), false)],
        _ => Walk(value, path + ":", byIndex),
    };

    private static string IdOf(object item, int index) => item switch
    {
        RegionOptions region => region.Id,
        ServiceOptions service => service.Id,
        NodeOptions node => node.Id,
        ClusterOptions cluster => cluster.Id,
        ClusterNodeOptions node => node.Region,
        LinkOptions link => new StringBuilder(link.Cluster).Append(' ').Append(link.Source).Append('>').Append(link.Target).ToString(),
        TrafficManagerOptions manager => manager.Id,
        BackupRepositoryOptions repository => repository.Id,
        BackupKeyOptions key => key.Id,
        string text => text,
        _ => Index(index),
    };

    private static string Index(int index) => index.ToString(CultureInfo.InvariantCulture);
}
