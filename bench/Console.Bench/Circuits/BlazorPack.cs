using System.Buffers.Binary;
using System.Text;

namespace OpsConsole.Bench.Circuits;

/// <summary>As much of SignalR's binary framing (MessagePack, hub protocol "blazorpack") as a Blazor Server client needs:
/// invocations and completions, each message prefixed by its length as a varint.</summary>
internal static class BlazorPack
{
    public const string Handshake = "{\"protocol\":\"blazorpack\",\"version\":1}\u001e";

    /// <summary>An invocation; arguments are strings, longs or null.</summary>
    public static byte[] Invocation(string? id, string target, params object?[] arguments)
    {
        var body = new List<byte>(128) { 0x96, 1, 0x80 };
        Write(body, id);
        Write(body, target);
        body.Add((byte)(0x90 | arguments.Length));
        foreach (var argument in arguments) Write(body, argument);
        body.Add(0x90);
        return Frame(body);
    }

    public static byte[] Ping() => Frame([0x91, 6]);

    private static byte[] Frame(List<byte> body)
    {
        var prefix = new List<byte>(5);
        var length = (uint)body.Count;
        do
        {
            var b = (byte)(length & 0x7F);
            length >>= 7;
            prefix.Add(length > 0 ? (byte)(b | 0x80) : b);
        }
        while (length > 0);
        prefix.AddRange(body);
        return prefix.ToArray();
    }

    private static void Write(List<byte> to, object? value)
    {
        switch (value)
        {
            case null:
                to.Add(0xC0);
                break;
            case bool flag:
                to.Add(flag ? (byte)0xC3 : (byte)0xC2);
                break;
            case long number:
                to.Add(0xD3);
                Span<byte> wide = stackalloc byte[8];
                BinaryPrimitives.WriteInt64BigEndian(wide, number);
                foreach (var b in wide) to.Add(b);
                break;
            case string text:
                var bytes = Encoding.UTF8.GetBytes(text);
                to.Add(0xDB);
                Span<byte> size = stackalloc byte[4];
                BinaryPrimitives.WriteUInt32BigEndian(size, (uint)bytes.Length);
                foreach (var b in size) to.Add(b);
                to.AddRange(bytes);
                break;
            default:
                throw new ArgumentException($"No encoding for {value.GetType()}.", nameof(value));
        }
    }

    /// <summary>Length of the next frame's payload and of its prefix; false while the prefix is incomplete.</summary>
    public static bool TryReadLength(ReadOnlySpan<byte> buffer, out int payload, out int prefix)
    {
        payload = 0;
        for (prefix = 0; prefix < Math.Min(5, buffer.Length);)
        {
            var b = buffer[prefix];
            payload |= (b & 0x7F) << (7 * prefix);
            prefix++;
            if ((b & 0x80) == 0) return true;
        }
        return false;
    }
}

/// <summary>Reads one MessagePack value after another; only what the hub protocol uses.</summary>
internal ref struct PackReader(ReadOnlySpan<byte> buffer)
{
    private ReadOnlySpan<byte> _rest = buffer;

    public int ArrayHeader()
    {
        var b = Take(1)[0];
        return b switch
        {
            >= 0x90 and <= 0x9F => b & 0x0F,
            0xDC => BinaryPrimitives.ReadUInt16BigEndian(Take(2)),
            0xDD => (int)BinaryPrimitives.ReadUInt32BigEndian(Take(4)),
            _ => throw new InvalidDataException($"array expected, found 0x{b:X2}"),
        };
    }

    public long Integer()
    {
        var b = Take(1)[0];
        return b switch
        {
            <= 0x7F => b,
            >= 0xE0 => (sbyte)b,
            0xCC => Take(1)[0],
            0xCD => BinaryPrimitives.ReadUInt16BigEndian(Take(2)),
            0xCE => BinaryPrimitives.ReadUInt32BigEndian(Take(4)),
            0xCF => (long)BinaryPrimitives.ReadUInt64BigEndian(Take(8)),
            0xD0 => (sbyte)Take(1)[0],
            0xD1 => BinaryPrimitives.ReadInt16BigEndian(Take(2)),
            0xD2 => BinaryPrimitives.ReadInt32BigEndian(Take(4)),
            0xD3 => BinaryPrimitives.ReadInt64BigEndian(Take(8)),
            _ => throw new InvalidDataException($"integer expected, found 0x{b:X2}"),
        };
    }

    public string? Text()
    {
        if (_rest[0] == 0xC0)
        {
            _rest = _rest[1..];
            return null;
        }
        return Encoding.UTF8.GetString(Bytes());
    }

    /// <summary>A string's or a binary's bytes.</summary>
    public ReadOnlySpan<byte> Bytes()
    {
        var b = Take(1)[0];
        var length = b switch
        {
            >= 0xA0 and <= 0xBF => b & 0x1F,
            0xC4 or 0xD9 => Take(1)[0],
            0xC5 or 0xDA => BinaryPrimitives.ReadUInt16BigEndian(Take(2)),
            0xC6 or 0xDB => (int)BinaryPrimitives.ReadUInt32BigEndian(Take(4)),
            _ => throw new InvalidDataException($"string or binary expected, found 0x{b:X2}"),
        };
        return Take(length);
    }

    public void SkipMap()
    {
        var b = Take(1)[0];
        if (b != 0x80) throw new InvalidDataException("only empty header maps are expected");
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }
}
