using System.Globalization;
using System.Text;

namespace OpsConsole.Core.Backups.Streaming;

internal enum TarKind { File, Directory, Link }

/// <summary>One entry of a tar archive as PostgreSQL writes it (POSIX ustar).</summary>
internal sealed record TarEntry(string Name, TarKind Kind, long Size, int Mode, string Target)
{
    public const int Block = 512;

    public long Padding => (Block - (Size % Block)) % Block;

    /// <summary>Null for the blocks of zeros at the end.</summary>
    /// <exception cref="InvalidDataException">not such a header</exception>
    public static TarEntry? Parse(ReadOnlySpan<byte> header)
    {
        if (header.IndexOfAnyExcept((byte)0) < 0) return null;
        var sum = 0L;
        for (var i = 0; i < Block; i++) sum += i is >= 148 and < 156 ? ' ' : header[i];
        if (Number(header.Slice(148, 8)) != sum) throw new InvalidDataException("a header in the archive has a wrong sum");
        var kind = (char)header[156] switch
        {
            '0' or '\0' => TarKind.File,
            '5' => TarKind.Directory,
            '2' => TarKind.Link,
            var other => throw new InvalidDataException($"the archive holds an entry of the unknown type '{other}'"),
        };
        var prefix = Text(header.Slice(345, 155));
        var name = Text(header[..100]);
        var path = (prefix.Length > 0 ? $"{prefix}/{name}" : name).TrimEnd('/');
        return new TarEntry(path.StartsWith("./", StringComparison.Ordinal) ? path[2..] : path, kind, kind == TarKind.File ? Number(header.Slice(124, 12)) : 0, (int)Number(header.Slice(100, 8)), Text(header.Slice(157, 100)));
    }

    public byte[] ToHeader()
    {
        var header = new byte[Block];
        var name = Encoding.UTF8.GetBytes(Kind == TarKind.Directory ? Name + "/" : Name);
        if (name.Length > 100) throw new InvalidDataException($"the name {Name} is too long for the archive");
        name.CopyTo(header, 0);
        Octal(Mode, header.AsSpan(100, 8));
        Octal(0, header.AsSpan(108, 8));
        Octal(0, header.AsSpan(116, 8));
        if (Size < 1L << 33) Octal(Size, header.AsSpan(124, 12));
        else Binary(Size, header.AsSpan(124, 12));
        Octal(0, header.AsSpan(136, 12));
        header.AsSpan(148, 8).Fill((byte)' ');
        header[156] = (byte)(Kind switch { TarKind.Directory => '5', TarKind.Link => '2', _ => '0' });
        Encoding.UTF8.GetBytes(Target, header.AsSpan(157, 100));
        "ustar\0"u8.CopyTo(header.AsSpan(257));
        "00"u8.CopyTo(header.AsSpan(263));
        Octal(header.Sum(b => (long)b), header.AsSpan(148, 8));
        return header;
    }

    private static void Octal(long value, Span<byte> field) =>
        Encoding.ASCII.GetBytes(Convert.ToString(value, 8).PadLeft(field.Length - 1, '0'), field);

    private static void Binary(long value, Span<byte> field)
    {
        field.Clear();
        System.Buffers.Binary.BinaryPrimitives.WriteInt64BigEndian(field[^8..], value);
        field[0] = 0x80;
    }

    private static long Number(ReadOnlySpan<byte> field)
    {
        if ((field[0] & 0x80) != 0) return System.Buffers.Binary.BinaryPrimitives.ReadInt64BigEndian(field[^8..]);
        var digits = Encoding.ASCII.GetString(field).Trim('\0', ' ');
        return digits.Length == 0 ? 0 : Convert.ToInt64(digits, 8);
    }

    private static string Text(ReadOnlySpan<byte> field) => Encoding.UTF8.GetString(field.IndexOf((byte)0) is >= 0 and var end ? field[..end] : field);

    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Name} ({Size} bytes)");
}
