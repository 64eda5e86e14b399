using System.Buffers.Text;
using System.Globalization;
using System.Text;

namespace OpsConsole.Core.Health.Probing.Net;

/// <summary>Status line and the headers that frame a body (RFC 9112). Knows when the body is complete and what it says.</summary>
internal readonly record struct HttpHead(int Status, int Length, int? ContentLength, bool Chunked)
{
    /// <returns>false while the headers are not complete</returns>
    /// <exception cref="InvalidDataException">not HTTP/1.x</exception>
    public static bool TryParse(ReadOnlySpan<byte> bytes, out HttpHead head)
    {
        head = default;
        if (bytes.Length >= 5 && !bytes.StartsWith("HTTP/"u8))
            throw new InvalidDataException("not an HTTP answer");
        var end = bytes.IndexOf("\r\n\r\n"u8);
        if (end < 0)
            return false;
        if (end < 12 || !Utf8Parser.TryParse(bytes.Slice(9, 3), out int status, out var digits) || digits != 3)
            throw new InvalidDataException("not an HTTP answer");
        if (status is >= 100 and < 200)
        {
            // An interim answer: the real one follows.
            var rest = TryParse(bytes[(end + 4)..], out var final);
            head = final with { Length = final.Length + end + 4 };
            return rest;
        }
        int? length = status is 204 or 304 ? 0 : null;
        var chunked = false;
        foreach (var line in bytes[..end].Split("\r\n"u8))
        {
            var text = bytes[line];
            if (Value(text, "content-length:"u8) is { } l)
                length ??= Utf8Parser.TryParse(l, out int n, out _) && n >= 0 ? n : throw new InvalidDataException("bad Content-Length");
            else if (Value(text, "transfer-encoding:"u8) is { } t)
                chunked = Encoding.ASCII.GetString(t).EndsWith("chunked", StringComparison.OrdinalIgnoreCase);
        }
        head = new HttpHead(status, end + 4, chunked ? null : length, chunked);
        return true;
    }

    public bool Complete(ReadOnlySpan<byte> body)
    {
        if (Chunked)
            return Decode(body, null);
        return ContentLength is { } length && body.Length >= length;
    }

    public string Body(ReadOnlySpan<byte> body)
    {
        if (!Chunked)
            return Encoding.UTF8.GetString(ContentLength is { } length && length < body.Length ? body[..length] : body);
        using var decoded = new MemoryStream();
        Decode(body, decoded);
        return Encoding.UTF8.GetString(decoded.GetBuffer(), 0, (int)decoded.Length);
    }

    /// <summary><c>name=value</c> of each cookie that the answer sets.</summary>
    public static IReadOnlyList<string> Cookies(ReadOnlySpan<byte> head)
    {
        List<string>? cookies = null;
        foreach (var line in head.Split("\r\n"u8))
            if (Value(head[line], "set-cookie:"u8) is { } cookie)
                (cookies ??= []).Add(Encoding.UTF8.GetString(cookie).Split(';')[0]);
        return cookies ?? (IReadOnlyList<string>)[];
    }

    /// <returns>whether the last chunk has arrived</returns>
    private static bool Decode(ReadOnlySpan<byte> body, MemoryStream? into)
    {
        while (true)
        {
            var line = body.IndexOf("\r\n"u8);
            if (line < 0)
                return false;
            var text = Encoding.ASCII.GetString(body[..line]).Split(';')[0].Trim();
            if (!int.TryParse(text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var size) || size < 0)
                throw new InvalidDataException("bad chunk in the HTTP answer");
            if (size == 0)
                return body[line..].Length >= 4;
            if (body.Length < line + 2 + size + 2)
                return false;
            into?.Write(body.Slice(line + 2, size));
            body = body[(line + 2 + size + 2)..];
        }
    }

    private static byte[]? Value(ReadOnlySpan<byte> line, ReadOnlySpan<byte> name)
    {
        if (line.Length < name.Length || !Ascii.EqualsIgnoreCase(line[..name.Length], name))
            return null;
        return line[name.Length..].Trim(" \t"u8).ToArray();
    }
}
