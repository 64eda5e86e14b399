using System.Buffers.Binary;
using System.IO.Hashing;
using System.Security.Cryptography;

namespace OpsConsole.Sandbox.Storage;

/// <summary>A body is not what its sender said.</summary>
public sealed class BadDigestException(string code, string message) : Exception(message)
{
    public string Code { get; } = code;
}

/// <summary>The content of a request, held at its end against the digests that came with it: the signed SHA-256, Content-MD5 and CRC-32, as headers or
/// trailers, as S3 does.</summary>
internal sealed class CheckedBody : Stream
{
    private const string CrcName = "x-amz-checksum-crc32";
    private readonly Stream _content;
    private readonly AwsChunkedStream? _chunks;
    private readonly Crc32 _crc = new();
    private readonly IncrementalHash? _sha;
    private readonly IncrementalHash? _md5;
    private readonly string _wantedSha;
    private readonly string _wantedMd5;
    private readonly string _wantedCrc;

    private CheckedBody(HttpRequest request)
    {
        _wantedSha = request.Headers[AwsSignature.ContentHash].ToString();
        _chunks = _wantedSha.StartsWith("STREAMING-", StringComparison.Ordinal) ? new AwsChunkedStream(request.Body) : null;
        _content = (Stream?)_chunks ?? request.Body;
        (_wantedMd5, _wantedCrc) = (request.Headers.ContentMD5.ToString(), request.Headers[CrcName].ToString());
        _sha = _wantedSha.Length == 64 ? IncrementalHash.CreateHash(HashAlgorithmName.SHA256) : null;
        _md5 = _wantedMd5.Length > 0 ? IncrementalHash.CreateHash(HashAlgorithmName.MD5) : null;
    }

    internal static CheckedBody Of(HttpRequest request) => new(request);

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        var read = await _content.ReadAsync(buffer, cancellationToken);
        if (read == 0)
        {
            Check();
            return 0;
        }
        _crc.Append(buffer.Span[..read]);
        _sha?.AppendData(buffer.Span[..read]);
        _md5?.AppendData(buffer.Span[..read]);
        return read;
    }

    private void Check()
    {
        if (_sha is not null && Convert.ToHexStringLower(_sha.GetHashAndReset()) != _wantedSha)
        {
            throw new BadDigestException("XAmzContentSHA256Mismatch", "The content is not what was signed.");
        }
        if (_md5 is not null && Convert.ToBase64String(_md5.GetHashAndReset()) != _wantedMd5)
        {
            throw new BadDigestException("BadDigest", "The Content-MD5 does not match.");
        }
        var wanted = _wantedCrc.Length > 0 ? _wantedCrc : _chunks?.Trailers.GetValueOrDefault(CrcName) ?? "";
        var crc = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(crc, _crc.GetCurrentHashAsUInt32());
        if (wanted.Length > 0 && Convert.ToBase64String(crc) != wanted)
        {
            throw new BadDigestException("BadDigest", "The CRC32 does not match.");
        }
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            _sha?.Dispose();
            _md5?.Dispose();
        }
        base.Dispose(disposing);
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
