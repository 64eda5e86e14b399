using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;

namespace OpsConsole.Core.Backups.Format;

/// <summary>Takes what is already compressed, encrypts it frame by frame and hands each to <paramref name="sink"/>, which owns it from then on.
/// Only <see cref="CompleteAsync"/> makes the object whole: without it every reader finds it cut off.</summary>
public sealed class FrameWriter : IDisposable
{
    /// <summary>Large enough that framing costs nothing, small enough that a few dozen on their way to a slow store are no burden.</summary>
    public const int UsualFrame = 512 * 1024;

    private readonly Func<SharedFrame, CancellationToken, ValueTask> _sink;
    private readonly AesGcm _cipher;
    private readonly int _frameSize;
    private readonly byte[] _plain;
    private readonly byte[] _header;
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    private int _filled;
    private long _frames;

    /// <param name="name">the object's name in its repository; a reader has to ask for the same</param>
    public FrameWriter(BackupKey key, StreamCompression compression, string name, Func<SharedFrame, CancellationToken, ValueTask> sink, int frameSize = UsualFrame)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(frameSize, StreamHeader.SmallestFrame);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(frameSize, StreamHeader.LargestFrame);
        (_header, _cipher) = StreamHeader.Make(key, compression, frameSize, name);
        (_sink, _frameSize) = (sink, frameSize);
        _plain = ArrayPool<byte>.Shared.Rent(frameSize);
    }

    /// <summary>Bytes before encryption.</summary>
    public long PlainBytes { get; private set; }

    /// <summary>Bytes of the whole object so far.</summary>
    public long StoredBytes { get; private set; }

    public async ValueTask WriteAsync(ReadOnlyMemory<byte> data, CancellationToken cancel)
    {
        PlainBytes += data.Length;
        while (data.Length > 0)
        {
            // A full frame waits for the byte after it: only then is it certain not to be the last.
            if (_filled == _frameSize) await SealAsync(final: false, cancel);
            var part = Math.Min(data.Length, _frameSize - _filled);
            data[..part].CopyTo(_plain.AsMemory(_filled));
            _filled += part;
            data = data[part..];
        }
    }

    /// <summary>Writes the last frame; returns the SHA-256 of the stored object in hexadecimal digits.</summary>
    public async ValueTask<string> CompleteAsync(CancellationToken cancel)
    {
        await SealAsync(final: true, cancel);
        return Convert.ToHexStringLower(_hash.GetHashAndReset());
    }

    private async ValueTask SealAsync(bool final, CancellationToken cancel)
    {
        var header = _frames == 0 ? _header.Length : 0;
        var frame = SharedFrame.Rent(header + StreamHeader.LengthBytes + _filled + StreamHeader.TagBytes, out var content);
        _header.AsMemory(0, header).CopyTo(content);
        Encrypt(content.Span[header..], final);
        _hash.AppendData(content.Span);
        StoredBytes += content.Length;
        _frames++;
        _filled = 0;
        await _sink(frame, cancel);
    }

    private void Encrypt(Span<byte> target, bool final)
    {
        Span<byte> nonce = stackalloc byte[StreamHeader.NonceBytes];
        StreamHeader.WriteNonce(nonce, _frames, final);
        BinaryPrimitives.WriteUInt32LittleEndian(target, (uint)_filled | (final ? StreamHeader.FinalBit : 0));
        _cipher.Encrypt(nonce, _plain.AsSpan(0, _filled), target.Slice(StreamHeader.LengthBytes, _filled), target[(StreamHeader.LengthBytes + _filled)..], target[..StreamHeader.LengthBytes]);
    }

    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_plain.AsSpan(0, _frameSize));
        ArrayPool<byte>.Shared.Return(_plain);
        _cipher.Dispose();
        _hash.Dispose();
    }
}
