using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace OpsConsole.Core.Audit;

/// <summary>A row of the chain as it is hashed: people appear as salted digests only.</summary>
/// <param name="Before">canonical JSON text, or null; likewise <paramref name="After"/></param>
public sealed record AuditRow(
    long Sequence, DateTimeOffset At, byte[] Actor, string Action, string Target, string? Reason, byte[]? From,
    string? Before, string? After, byte[] Hash, byte[] PreviousHash);

/// <summary>h = SHA-256(previous ‖ sequence as 8 bytes big-endian ‖ canonical JSON of the entry in UTF-8). The first entry has number 1
/// and 32 zero bytes before it.</summary>
public static class AuditChain
{
    public static byte[] Genesis { get; } = new byte[32];

    public static byte[] Hash(AuditRow row) => Hash(row.PreviousHash, row.Sequence, CanonicalEntry(row));

    public static byte[] Hash(byte[] previous, long sequence, string canonicalEntry)
    {
        Span<byte> number = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(number, sequence);
        using var sha = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        sha.AppendData(previous);
        sha.AppendData(number);
        sha.AppendData(Encoding.UTF8.GetBytes(canonicalEntry));
        return sha.GetHashAndReset();
    }

    /// <summary>What the hash covers. An export carries the same object, so that a verifier needs nothing but the export.</summary>
    public static string CanonicalEntry(AuditRow row) => CanonicalJson.Of(new Dictionary<string, object?>
    {
        ["action"] = row.Action,
        ["actor"] = Convert.ToHexStringLower(row.Actor),
        ["after"] = Json(row.After),
        ["at"] = Stamp(row.At),
        ["before"] = Json(row.Before),
        ["from"] = row.From is null ? null : Convert.ToHexStringLower(row.From),
        ["reason"] = row.Reason,
        ["target"] = row.Target,
    });

    /// <summary>Microseconds, as PostgreSQL keeps them.</summary>
    public static string Stamp(DateTimeOffset at) => at.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.ffffff'Z'", CultureInfo.InvariantCulture);

    public static DateTimeOffset Truncate(DateTimeOffset at) => new(at.UtcTicks - at.UtcTicks % 10, TimeSpan.Zero);

    private static JsonElement? Json(string? text) => text is null ? null : JsonSerializer.Deserialize<JsonElement>(text);
}
