using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace OpsConsole.Core.Backups.Format;

public enum StreamCompression : byte { None = 0, Zstd = 1 }

/// <summary>What stands in front of every object in a repository (docs/backup-format.md).</summary>
/// <param name="FrameSize">bytes of plaintext in each frame but the last</param>
public sealed record StreamHeader(StreamCompression Compression, int FrameSize, string KeyId)
{
    public const int SmallestFrame = 1024;
    public const int LargestFrame = 8 * 1024 * 1024;
    internal const int TagBytes = 16;
    internal const int NonceBytes = 12;
    internal const int LengthBytes = 4;
    internal const uint FinalBit = 0x8000_0000;
    private const byte Version = 1;
    private const int SaltBytes = 32;
    private const int SaltAt = 16;
    private const int FingerprintAt = SaltAt + SaltBytes;
    private const int KeyIdAt = FingerprintAt + BackupKey.FingerprintBytes;

    private static ReadOnlySpan<byte> Magic => "OCBACKUP"u8;

    /// <summary>Writes a header with a new salt and gives the object's cipher with it.</summary>
    internal static (byte[] Bytes, AesGcm Cipher) Make(BackupKey key, StreamCompression compression, int frameSize, string name)
    {
        var id = Encoding.ASCII.GetBytes(key.Id);
        var header = new byte[KeyIdAt + 1 + id.Length + TagBytes];
        Magic.CopyTo(header);
        header[8] = Version;
        header[9] = (byte)compression;
        BinaryPrimitives.WriteInt32LittleEndian(header.AsSpan(12), frameSize);
        RandomNumberGenerator.Fill(header.AsSpan(SaltAt, SaltBytes));
        key.Fingerprint.CopyTo(header.AsSpan(FingerprintAt));
        header[KeyIdAt] = (byte)id.Length;
        id.CopyTo(header, KeyIdAt + 1);
        var untagged = header.AsSpan(..^TagBytes);
        var cipher = key.CipherFor(header.AsSpan(SaltAt, SaltBytes), untagged, name);
        cipher.Encrypt(HeaderNonce(), [], [], header.AsSpan(untagged.Length));
        return (header, cipher);
    }

    /// <exception cref="DamagedBackupException">not such an object, cut off, altered, or another object under this name</exception>
    /// <exception cref="BackupKeyException">the key is not in the ring</exception>
    internal static async Task<(StreamHeader Header, int Length, AesGcm Cipher)> ReadAsync(Stream stored, KeyRing keys, string name, CancellationToken cancel)
    {
        var start = new byte[KeyIdAt + 1];
        await stored.ReadWholeAsync(start, name, cancel);
        if (!start.AsSpan(0, Magic.Length).SequenceEqual(Magic)) throw new DamagedBackupException(name, "it does not begin as a backup object does");
        if (start[8] != Version) throw new DamagedBackupException(name, $"its format has version {start[8]}; this program reads version {Version}");
        var frame = BinaryPrimitives.ReadInt32LittleEndian(start.AsSpan(12));
        if (start[9] > (byte)StreamCompression.Zstd || frame is < SmallestFrame or > LargestFrame || start[KeyIdAt] is 0 or > 63) throw new DamagedBackupException(name, "its header is altered");
        var rest = new byte[start[KeyIdAt] + TagBytes];
        await stored.ReadWholeAsync(rest, name, cancel);
        var id = Encoding.ASCII.GetString(rest.AsSpan(..^TagBytes));
        byte[] untagged = [.. start, .. rest.AsSpan(..^TagBytes)];
        var cipher = keys.Find(id, start.AsSpan(FingerprintAt, BackupKey.FingerprintBytes)).CipherFor(start.AsSpan(SaltAt, SaltBytes), untagged, name);
        try
        {
            cipher.Decrypt(HeaderNonce(), [], rest.AsSpan(^TagBytes..), []);
        }
        catch (AuthenticationTagMismatchException)
        {
            cipher.Dispose();
            throw new DamagedBackupException(name, "its header is altered, or it is another object that was put under this name");
        }
        return (new StreamHeader((StreamCompression)start[9], frame, id), untagged.Length + TagBytes, cipher);
    }

    // No frame has it: their last eight bytes count from 0.
    private static byte[] HeaderNonce() => [.. Enumerable.Repeat((byte)0xFF, NonceBytes)];

    internal static void WriteNonce(Span<byte> nonce, long counter, bool final)
    {
        BinaryPrimitives.WriteInt32BigEndian(nonce, final ? 1 : 0);
        BinaryPrimitives.WriteInt64BigEndian(nonce[4..], counter);
    }
}

/// <summary>Stored bytes are not what was written: cut off, altered, swapped, repeated or in another order.</summary>
public sealed class DamagedBackupException(string name, string what) : Exception($"{name} is damaged: {what}. Use another copy or an older backup.")
{
    public string ObjectName { get; } = name;
}

internal static class WholeReads
{
    /// <exception cref="DamagedBackupException">the stream ends before</exception>
    public static async Task ReadWholeAsync(this Stream stream, Memory<byte> buffer, string name, CancellationToken cancel)
    {
        if (await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancel) < buffer.Length) throw new DamagedBackupException(name, "it is cut off");
    }
}
