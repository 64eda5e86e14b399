using System.Buffers;
using System.Buffers.Binary;
using System.Security.Cryptography;

namespace OpsConsole.Core.Backups.Format;

/// <summary>Reads an object back, as a stream of what was given to the <see cref="FrameWriter"/>. Gives no byte that was not checked, and ends only
/// where the writer ended: whatever was done to the stored bytes, a read throws <see cref="DamagedBackupException"/>.</summary>
public sealed class FrameStream : ForwardStream
{
    private readonly Stream _stored;
    private readonly AesGcm _cipher;
    private readonly string _name;
    private readonly byte[] _cipherText;
    private readonly byte[] _plain;
    private long _frames;
    private int _at;
    private int _filled;
    private bool _final;

    private FrameStream(Stream stored, StreamHeader header, AesGcm cipher, string name)
    {
        (_stored, Header, _cipher, _name) = (stored, header, cipher, name);
        _cipherText = ArrayPool<byte>.Shared.Rent(StreamHeader.LengthBytes + header.FrameSize + StreamHeader.TagBytes);
        _plain = ArrayPool<byte>.Shared.Rent(header.FrameSize);
    }

    public StreamHeader Header { get; }

    /// <param name="stored">read from where it stands, and disposed with the reader</param>
    /// <param name="name">the name that the object was written under</param>
    /// <exception cref="DamagedBackupException">not such an object, cut off, altered, or another one under this name</exception>
    /// <exception cref="BackupKeyException">the ring does not hold its key</exception>
    public static async Task<FrameStream> OpenAsync(Stream stored, KeyRing keys, string name, CancellationToken cancel = default)
    {
        try
        {
            var (header, _, cipher) = await StreamHeader.ReadAsync(stored, keys, name, cancel);
            return new FrameStream(stored, header, cipher, name);
        }
        catch
        {
            await stored.DisposeAsync();
            throw;
        }
    }

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (buffer.Length == 0) return 0;
        while (_at == _filled)
        {
            if (_final) return 0;
            await NextAsync(cancellationToken);
        }
        var part = Math.Min(buffer.Length, _filled - _at);
        _plain.AsMemory(_at, part).CopyTo(buffer);
        _at += part;
        return part;
    }

    /// <summary>Reads to the end, for the sake of the checks alone; returns the bytes it held.</summary>
    public async Task<long> CheckAsync(CancellationToken cancel = default)
    {
        var total = 0L;
        while (!_final)
        {
            await NextAsync(cancel);
            total += _filled;
        }
        return total;
    }

    private async Task NextAsync(CancellationToken cancel)
    {
        await _stored.ReadWholeAsync(_cipherText.AsMemory(0, StreamHeader.LengthBytes), _name, cancel);
        var word = BinaryPrimitives.ReadUInt32LittleEndian(_cipherText);
        var final = (word & StreamHeader.FinalBit) != 0;
        var length = (int)(word & ~StreamHeader.FinalBit);
        if (final ? length > Header.FrameSize : length != Header.FrameSize) throw Altered();
        await _stored.ReadWholeAsync(_cipherText.AsMemory(StreamHeader.LengthBytes, length + StreamHeader.TagBytes), _name, cancel);
        Decrypt(length, final);
        if (final && await _stored.ReadAsync(_cipherText.AsMemory(0, 1), cancel) > 0) throw new DamagedBackupException(_name, "something follows its end");
        (_at, _filled, _final) = (0, length, final);
        _frames++;
    }

    private void Decrypt(int length, bool final)
    {
        Span<byte> nonce = stackalloc byte[StreamHeader.NonceBytes];
        StreamHeader.WriteNonce(nonce, _frames, final);
        try
        {
            _cipher.Decrypt(
                nonce, _cipherText.AsSpan(StreamHeader.LengthBytes, length), _cipherText.AsSpan(StreamHeader.LengthBytes + length, StreamHeader.TagBytes),
                _plain.AsSpan(0, length), _cipherText.AsSpan(0, StreamHeader.LengthBytes));
        }
        catch (AuthenticationTagMismatchException)
        {
            throw Altered();
        }
    }

    private DamagedBackupException Altered() => new(_name, $"frame {_frames} is altered or not in its place");

    protected override void Dispose(bool disposing)
    {
        if (disposing) Free();
        base.Dispose(disposing);
    }

    private bool _freed;

    private void Free()
    {
        if (_freed) return;
        _freed = true;
        _stored.Dispose();
        _cipher.Dispose();
        ArrayPool<byte>.Shared.Return(_cipherText);
        ArrayPool<byte>.Shared.Return(_plain, clearArray: true);
    }
}
