using System.Globalization;

namespace OpsConsole.Core.Replication;

/// <summary>A position in the write-ahead log in bytes, written <c>X/Y</c> in hexadecimal as PostgreSQL does.</summary>
public readonly record struct WalPosition(ulong Value) : IComparable<WalPosition>
{
    /// <exception cref="FormatException">Not of the form <c>16/B374D848</c>.</exception>
    public static WalPosition Parse(string text)
    {
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        if (slash <= 0
            || !uint.TryParse(text.AsSpan(0, slash), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var high)
            || !uint.TryParse(text.AsSpan(slash + 1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var low))
            throw new FormatException($"\"{text}\" is not a WAL position.");
        return new WalPosition(((ulong)high << 32) | low);
    }

    /// <summary>Bytes from <paramref name="behind"/> to here; 0 when it is not behind.</summary>
    public long BytesAhead(WalPosition behind) => Value <= behind.Value ? 0 : (long)(Value - behind.Value);

    public int CompareTo(WalPosition other) => Value.CompareTo(other.Value);
    public static bool operator <(WalPosition left, WalPosition right) => left.Value < right.Value;
    public static bool operator >(WalPosition left, WalPosition right) => left.Value > right.Value;
    public static bool operator <=(WalPosition left, WalPosition right) => left.Value <= right.Value;
    public static bool operator >=(WalPosition left, WalPosition right) => left.Value >= right.Value;

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Value >> 32:X}/{Value & 0xFFFF_FFFF:X}");
}
