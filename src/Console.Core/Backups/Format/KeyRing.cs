namespace OpsConsole.Core.Backups.Format;

/// <summary>All keys that backups may be encrypted under. The first encrypts what is new; the others keep older backups readable. Rotating is
/// putting a new key in front.</summary>
public sealed class KeyRing
{
    private readonly IReadOnlyList<BackupKey> _keys;

    /// <exception cref="BackupKeyException">no key, or two of one id</exception>
    public KeyRing(IEnumerable<BackupKey> keys)
    {
        _keys = [.. keys];
        if (_keys.Count == 0) throw new BackupKeyException("There is no backup key. Declare one under Fleet:BackupKeys (make it with `openssl rand -base64 32`), or name a key file.");
        if (_keys.GroupBy(k => k.Id).FirstOrDefault(g => g.Count() > 1) is { } twice) throw new BackupKeyException($"The backup key id {twice.Key} is given twice. Give each key its own.");
    }

    /// <summary>Encrypts what is new.</summary>
    public BackupKey Current => _keys[0];

    public IReadOnlyList<string> Ids => [.. _keys.Select(k => k.Id)];

    /// <summary>The key with this fingerprint, whatever it is called here.</summary>
    /// <exception cref="BackupKeyException">the ring lacks it, or holds another one under its id</exception>
    internal BackupKey Find(string id, ReadOnlySpan<byte> fingerprint)
    {
        foreach (var key in _keys)
            if (key.Fingerprint.SequenceEqual(fingerprint)) return key;
        var wanted = Convert.ToHexStringLower(fingerprint);
        throw _keys.FirstOrDefault(k => k.Id == id) is { } other
            ? new BackupKeyException($"The key {id} (fingerprint {other.FingerprintText}) is not the one that this was encrypted under (fingerprint {wanted}). Find the right key: without it this backup cannot be read.")
            : new BackupKeyException($"This was encrypted under the key {id} (fingerprint {wanted}), which is not among the keys given ({string.Join(", ", Ids)}). Add it: without it this backup cannot be read.");
    }

    /// <summary>Reads a key file: a key per line, in front of it its id where there are several; <c>#</c> begins a comment. The first is the current one.</summary>
    /// <exception cref="BackupKeyException">unreadable, empty or malformed</exception>
    public static KeyRing FromFile(string path)
    {
        try
        {
            return Parse(File.ReadAllText(path));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BackupKeyException($"The key file {path} cannot be read: {e.Message}");
        }
    }

    public static KeyRing Parse(string text)
    {
        var lines = text.Split('\n').Select(l => l.Trim()).Where(l => l.Length > 0 && l[0] != '#').Select(l => l.Split((char[]?)null, 2, StringSplitOptions.RemoveEmptyEntries)).ToList();
        return new KeyRing(lines.Select((l, n) => l.Length == 2 ? BackupKey.Parse(l[0], l[1]) : BackupKey.Parse(n == 0 ? "default" : $"default-{n + 1}", l[0])));
    }
}
