using System.Security.Cryptography;
using System.Text;

namespace OpsConsole.Core.Backups.Format;

/// <summary>A 256-bit key under which backups are encrypted. Every object gets a key of its own, derived from this one, a random salt
/// and what the object is (docs/backup-format.md), so that a nonce is never used twice.</summary>
public sealed class BackupKey
{
    public const int Bytes = 32;
    public const int FingerprintBytes = 8;
    private readonly byte[] _key;
    private readonly byte[] _fingerprint;

    /// <param name="id">1 to 63 ASCII letters, digits, dashes, dots and underscores; recorded in every object</param>
    /// <param name="key">32 bytes</param>
    public BackupKey(string id, ReadOnlySpan<byte> key)
    {
        if (id.Length is 0 or > 63 || !id.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.'))
            throw new BackupKeyException($"\"{id}\" is not the id of a backup key. Use 1 to 63 letters, digits, dashes, dots and underscores.");
        if (key.Length != Bytes) throw new BackupKeyException($"The backup key {id} has {key.Length} bytes, not {Bytes}. Make one with `openssl rand -base64 32`.");
        (Id, _key) = (id, key.ToArray());
        _fingerprint = HKDF.DeriveKey(HashAlgorithmName.SHA256, _key, FingerprintBytes, info: "opsconsole backup key fingerprint"u8.ToArray());
    }

    public string Id { get; }

    /// <summary>Tells keys apart without saying anything of them.</summary>
    public ReadOnlySpan<byte> Fingerprint => _fingerprint;

    public string FingerprintText => Convert.ToHexStringLower(_fingerprint);

    /// <summary>Reads 32 bytes as base64, hexadecimal digits, or raw.</summary>
    /// <exception cref="BackupKeyException">it is none of these</exception>
    public static BackupKey Parse(string id, string text)
    {
        var trimmed = text.Trim();
        var bytes = new byte[Bytes];
        if (trimmed.Length == 2 * Bytes && trimmed.All(char.IsAsciiHexDigit)) return new BackupKey(id, Convert.FromHexString(trimmed));
        if (Convert.TryFromBase64String(trimmed, bytes, out var written) && written == Bytes) return new BackupKey(id, bytes);
        throw new BackupKeyException($"The backup key {id} is not 32 bytes in base64 or hexadecimal digits. Make one with `openssl rand -base64 32`.");
    }

    public static BackupKey Generate(string id) => new(id, RandomNumberGenerator.GetBytes(Bytes));

    internal AesGcm CipherFor(ReadOnlySpan<byte> salt, ReadOnlySpan<byte> header, string name)
    {
        Span<byte> derived = stackalloc byte[Bytes];
        byte[] info = [.. "opsconsole backup object v1"u8, .. header, .. Encoding.UTF8.GetBytes(name)];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, _key, derived, salt, info);
        try
        {
            return new AesGcm(derived, StreamHeader.TagBytes);
        }
        finally
        {
            CryptographicOperations.ZeroMemory(derived);
        }
    }

    /// <summary>The key itself, to write into a key file.</summary>
    public string ToBase64() => Convert.ToBase64String(_key);
}

/// <summary>A key is missing, wrong or malformed. The message says how to mend it.</summary>
public sealed class BackupKeyException(string message) : Exception(message);
