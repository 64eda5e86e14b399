using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Serialization;

namespace OpsConsole.Core.Operations;

/// <summary>How operations are written. <see cref="Canonical"/> gives one text for one value: keys in ordinal order, no white space,
/// numbers in one invariant form (1, 1.0 and 1e0 are the same), so that a hash depends on the meaning alone.</summary>
public static class OperationJson
{
    public static JsonSerializerOptions Options { get; } = new(JsonSerializerDefaults.Web)
    {
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static string Canonical(JsonNode? node)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, Plain))
            Write(writer, node);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static void Write(Utf8JsonWriter writer, JsonNode? node)
    {
        switch (node)
        {
            case null:
                writer.WriteNullValue();
                break;
            case JsonObject members:
                writer.WriteStartObject();
                foreach (var (key, value) in members.OrderBy(m => m.Key, StringComparer.Ordinal))
                {
                    writer.WritePropertyName(key);
                    Write(writer, value);
                }
                writer.WriteEndObject();
                break;
            case JsonArray items:
                writer.WriteStartArray();
                foreach (var item in items)
                    Write(writer, item);
                writer.WriteEndArray();
                break;
            default:
                if (node.GetValueKind() == JsonValueKind.Number) writer.WriteRawValue(Number(node.ToJsonString()));
                else node.WriteTo(writer);
                break;
        }
    }

    /// <summary>Decimals keep their digits (without trailing zeros); what a decimal cannot hold is written as the shortest double.</summary>
    private static string Number(string text)
    {
        var real = double.Parse(text, CultureInfo.InvariantCulture);
        if (!decimal.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var exact)) return real.ToString("R", CultureInfo.InvariantCulture);
        var plain = exact == 0 ? "0" : exact.ToString("0.############################", CultureInfo.InvariantCulture);
        return double.Parse(plain, CultureInfo.InvariantCulture) == real ? plain : real.ToString("R", CultureInfo.InvariantCulture);
    }
}
