using System.Globalization;
using System.Text;

namespace OpsConsole.Sandbox.Storage;

/// <summary>Takes the frames off a body in the encoding <c>aws-chunked</c>: size in hexadecimal with extensions, CRLF, bytes, CRLF;
/// a chunk of size 0 and trailers end it.</summary>
public sealed class AwsChunkedStream(Stream inner) : Stream
{
    private long _left;
    private bool _ended;
    private bool _first = true;

    /// <summary>What followed the last chunk, names in lower case.</summary>
    public Dictionary<string, string> Trailers { get; } = [];

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_left == 0 && !_ended)
        {
            await NextChunkAsync(cancellationToken);
        }
        if (_ended)
        {
            return 0;
        }
        var read = await inner.ReadAsync(buffer[..(int)Math.Min(buffer.Length, _left)], cancellationToken);
        _left -= read > 0 ? read : throw new EndOfStreamException("The body ended within a chunk.");
        return read;
    }

    private async Task NextChunkAsync(CancellationToken cancel)
    {
        if (!_first)
        {
            await LineAsync(cancel);
        }
        _first = false;
        var line = await LineAsync(cancel);
        _left = long.Parse(line.Split(';')[0], NumberStyles.HexNumber, CultureInfo.InvariantCulture);
        if (_left == 0)
        {
            while (await LineAsync(cancel) is { Length: > 0 } trailer)
            {
                var parts = trailer.Split(':', 2);
                Trailers[parts[0].Trim().ToLowerInvariant()] = parts.Length > 1 ? parts[1].Trim() : "";
            }
            _ended = true;
        }
    }

    private async Task<string> LineAsync(CancellationToken cancel)
    {
        var line = new StringBuilder();
        var one = new byte[1];
        while (await inner.ReadAsync(one, cancel) == 1 && one[0] != '\n')
        {
            line.Append((char)one[0]);
        }
        return line.ToString().TrimEnd('\r');
    }

    public override bool CanRead => true;
    public override bool CanSeek => false;
    public override bool CanWrite => false;
    public override long Length => throw new NotSupportedException();
    public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }
    public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException("Bodies are read asynchronously.");
    public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();
    public override void SetLength(long value) => throw new NotSupportedException();
    public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    public override void Flush() => throw new NotSupportedException();
}
