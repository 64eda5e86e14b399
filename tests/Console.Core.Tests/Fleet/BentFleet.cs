using System.Text;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Configuration;
using OpsConsole.Core.Fleet.Configuration;
using OpsConsole.Testing;

namespace OpsConsole.Core.Tests.Fleet;

/// <summary>The sample fleet with one setting changed: <c>PATH=JSON</c> sets, <c>-PATH</c> takes out; several are separated by <c>;;</c>.</summary>
internal static class BentFleet
{
    public static IReadOnlyList<ConfigurationMistake> Mistakes(string change) => FleetConfiguration.Read(Configuration(change)).Mistakes;

    public static IConfigurationRoot Configuration(string change = "")
    {
        var json = SampleFleet.Json();
        foreach (var one in change.Split(";;", StringSplitOptions.RemoveEmptyEntries))
            Apply(json, one.Trim());
        return Load(json);
    }

    public static IConfigurationRoot Load(JsonNode json)
    {
        var manager = new ConfigurationManager();
        manager.AddInMemoryCollection(Flatten(json, ""));
        manager.AddSecretFiles();
        return manager;
    }

    private static void Apply(JsonNode json, string change)
    {
        var remove = change.StartsWith('-');
        var path = remove ? change[1..] : change[..change.IndexOf('=')];
        var keys = path.Split(':');
        var node = json["Fleet"]!;
        foreach (var key in keys[..^1])
            node = int.TryParse(key, out var i) ? node[i]! : node[key] ?? (node.AsObject()[key] = new JsonObject());
        if (node is JsonArray array)
        {
            var index = int.Parse(keys[^1]);
            if (remove)
                array.RemoveAt(index);
            else if (index == array.Count)
                array.Add(JsonNode.Parse(change[(path.Length + 1)..]));
            else
                array[index] = JsonNode.Parse(change[(path.Length + 1)..]);
        }
        else if (remove)
            node.AsObject().Remove(keys[^1]);
        else
            node[keys[^1]] = JsonNode.Parse(change[(path.Length + 1)..]);
    }

    private static IEnumerable<KeyValuePair<string, string?>> Flatten(JsonNode? node, string path) => node switch
    {
        JsonObject o => o.SelectMany(p => Flatten(p.Value, path.Length == 0 ? p.Key : $"{path}:{p.Key}")),
        JsonArray a => a.SelectMany((item, i) => Flatten(item, $"{path}:{i}")),
        _ => [new(path, node?.ToString())],
    };
}
