using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;

namespace OpsConsole.Web.Identity;

/// <summary>RFC 6238 with SHA-1, 6 digits and steps of 30 s: what every authenticator app understands. A code of the step before or
/// after is accepted, for clocks that differ.</summary>
public static class Totp
{
    public const int StepSeconds = 30;
    private const int Digits = 1_000_000;
    private const string Base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

    public static byte[] NewSecret() => RandomNumberGenerator.GetBytes(20);

    public static long StepAt(DateTimeOffset now) => now.ToUnixTimeSeconds() / StepSeconds;

    public static string Code(byte[] secret, long step)
    {
        Span<byte> counter = stackalloc byte[8];
        BinaryPrimitives.WriteInt64BigEndian(counter, step);
        Span<byte> hash = stackalloc byte[20];
#pragma warning disable CA5350 // SHA-1 is what RFC 6238 and the authenticator apps use; HMAC does not rest on its collision resistance.
        HMACSHA1.HashData(secret, counter, hash);
#pragma warning restore CA5350
        var offset = hash[19] & 0xF;
        var number = BinaryPrimitives.ReadInt32BigEndian(hash[offset..]) & int.MaxValue;
        return (number % Digits).ToString("D6", CultureInfo.InvariantCulture);
    }

    /// <summary>The time step that <paramref name="code"/> belongs to; null when it is wrong.</summary>
    public static long? Match(byte[] secret, string code, DateTimeOffset now)
    {
        var given = code.Replace(" ", "", StringComparison.Ordinal);
        if (given.Length != 6 || !given.All(char.IsAsciiDigit))
            return null;
        long? match = null;
        for (var step = StepAt(now) - 1; step <= StepAt(now) + 1; step++)
            if (CryptographicOperations.FixedTimeEquals(System.Text.Encoding.ASCII.GetBytes(Code(secret, step)), System.Text.Encoding.ASCII.GetBytes(given)))
                match = step;
        return match;
    }

    public static string ToBase32(ReadOnlySpan<byte> bytes)
    {
        var text = new System.Text.StringBuilder((bytes.Length * 8 + 4) / 5);
        int buffer = 0, bits = 0;
        foreach (var b in bytes)
        {
            buffer = (buffer << 8) | b;
            bits += 8;
            while (bits >= 5)
            {
                text.Append(Base32[(buffer >> (bits - 5)) & 31]);
                bits -= 5;
            }
            buffer &= (1 << bits) - 1;
        }
        if (bits > 0)
            text.Append(Base32[(buffer << (5 - bits)) & 31]);
        return text.ToString();
    }

    /// <summary>What a QR code for authenticator apps carries.</summary>
    public static string Uri(string email, string secret) =>
        $"otpauth://totp/OpsConsole:{System.Uri.EscapeDataString(email)}?secret={secret}&issuer=OpsConsole&algorithm=SHA1&digits=6&period={StepSeconds}";
}
