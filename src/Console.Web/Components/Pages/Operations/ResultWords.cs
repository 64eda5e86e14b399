using System.Text.Json;
using System.Text.Json.Nodes;
using OpsConsole.Web.Components.Shared;

namespace OpsConsole.Web.Components.Pages.Operations;

/// <summary>What an operation came to, in people's words; the API has the same under the names in brackets.</summary>
public static class ResultWords
{
    /// <summary>Name and value for a row; null: nothing for people (it stands elsewhere on the page).</summary>
    public static (string Name, string Text)? Of(string name, JsonNode? value, JsonObject result) => name switch
    {
        "resolutionSeconds" or "cleanUpDetail" => null,
        // Into an instance of its own: nobody's writes wait.
        "measuredRtoSeconds" when result.ContainsKey("copySeconds") => ("Open after", Say.Seconds(Number(value))),
        "measuredRpoSeconds" => ("Newest row older than asked for by", Say.Seconds(Number(value))),
        "findings" when value is JsonArray findings => ("Checks", string.Join("; ", findings.OfType<JsonObject>().Select(f => $"{Plain(f["name"])}: {Plain(f["answer"])}{(f["passed"]?.GetValue<bool>() == false ? " (wrong)" : "")}"))),
        "measuredRtoSeconds" => ("Writes paused", Number(value) is { } pause ? $"{Say.Seconds(pause)}{(Number(result["resolutionSeconds"]) is { } resolution ? $", to within {Say.Seconds(resolution)}" : "")}" : Say.Unknown),
        "lostHeartbeats" => ("Acknowledged heartbeats lost", Say.Number(Number(value))),
        "lostBytes" => ("Written but not promoted", Say.Bytes(Number(value))),
        "newPrimaryRegion" => ("Primary now", Plain(value)),
        "servicesMoved" => ("Services moved", Plain(value)),
        "fencing" => ("Fence", value is JsonObject fence ? $"rung {Plain(fence["rung"])}: {Plain(fence["said"])}" : Plain(value)),
        "cleanUp" => ("Taken back", Plain(value)),
        "copies" when value is JsonArray copies => ("Copies", string.Join("; ", copies.OfType<JsonObject>().Select(c => $"{Plain(c["repository"])}: {Plain(c["detail"])}"))),
        _ => (Words(name), name.EndsWith("Seconds", StringComparison.Ordinal) ? Say.Seconds(Number(value)) : name.EndsWith("Bytes", StringComparison.Ordinal) ? Say.Bytes(Number(value)) : Plain(value)),
    };

    private static double? Number(JsonNode? value) => value?.GetValueKind() == JsonValueKind.Number ? value.Deserialize<double>() : null;

    private static string Plain(JsonNode? value) => value switch
    {
        null => Say.Unknown,
        JsonArray items => string.Join(items.All(i => i is JsonValue v && v.ToString().Contains(' ', StringComparison.Ordinal)) ? " " : ", ", items.Select(Plain)),
        JsonObject members => string.Join("; ", members.Select(m => $"{Words(m.Key)}: {Plain(m.Value)}")),
        _ => value.ToString(),
    };

    /// <summary><c>measuredRtoSeconds</c> → <c>Measured rto seconds</c>.</summary>
    private static string Words(string name) => string.Concat(name.Select((c, i) => i == 0 ? char.ToUpperInvariant(c).ToString() : char.IsUpper(c) ? $" {char.ToLowerInvariant(c)}" : c.ToString()));
}
