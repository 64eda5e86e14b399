using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace OpsConsole.Core.Audit;

/// <summary>One text for one value, in the manner of RFC 8785: object keys in ordinal order, no white space, shortest string escapes,
/// numbers in one invariant form (1, 1.0 and 1e0 are the same), so that a hash depends on the meaning alone.</summary>
public static class CanonicalJson
{
    private static readonly JsonWriterOptions Plain = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.CamelCase) },
    };

    public static string Of(object? value) => Of(JsonSerializer.SerializeToElement(value, Options));

    public static string Of(JsonElement element)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, Plain))
            Write(writer, element);
        return Encoding.UTF8.GetString(buffer.WrittenSpan);
    }

    private static void Write(Utf8JsonWriter writer, JsonElement element)
    {
        switch (element.ValueKind)
        {
            case JsonValueKind.Object:
                writer.WriteStartObject();
                foreach (var property in element.EnumerateObject().OrderBy(p => p.Name, StringComparer.Ordinal))
                {
                    writer.WritePropertyName(property.Name);
                    Write(writer, property.Value);
                }
                writer.WriteEndObject();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                foreach (var item in element.EnumerateArray())
                    Write(writer, item);
                writer.WriteEndArray();
                break;
            case JsonValueKind.Number:
                writer.WriteRawValue(Number(element.GetRawText()));
                break;
            default:
                element.WriteTo(writer);
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
