using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;
using OpsConsole.Core.Audit;

namespace OpsConsole.Core.Operations;

/// <summary>How operations are written.</summary>
public static class OperationJson
{
    public static JsonSerializerOptions Options { get; } = new(JsonSerializerDefaults.Web)
    {
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    /// <inheritdoc cref="CanonicalJson"/>
    public static string Canonical(JsonNode? node) => CanonicalJson.Of(node);
}
