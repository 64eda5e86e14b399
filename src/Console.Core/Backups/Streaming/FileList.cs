using System.Buffers.Binary;
using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using OpsConsole.Core.Backups.Format;

namespace OpsConsole.Core.Backups.Streaming;

/// <summary>PostgreSQL's manifest: every file of the backup with its size and CRC-32C. Each file is held against it while it is restored.</summary>
internal sealed class FileList
{
    private readonly Dictionary<string, (long Size, uint Crc)> _missing = [];
    private readonly string _name;

    private FileList(string name) => _name = name;

    /// <exception cref="DamagedBackupException">not such a manifest</exception>
    public static FileList Parse(string name, ReadOnlyMemory<byte> json)
    {
        var list = new FileList(name);
        try
        {
            using var manifest = JsonDocument.Parse(json);
            foreach (var file in manifest.RootElement.GetProperty("Files").EnumerateArray())
            {
                var path = file.TryGetProperty("Path", out var plain) ? plain.GetString()! : Encoding.Latin1.GetString(Convert.FromHexString(file.GetProperty("Encoded-Path").GetString()!));
                list._missing[path] = (file.GetProperty("Size").GetInt64(), BinaryPrimitives.ReadUInt32LittleEndian(Convert.FromHexString(file.GetProperty("Checksum").GetString()!)));
            }
            return list;
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or FormatException or InvalidOperationException or ArgumentException)
        {
            throw new DamagedBackupException(name, $"it is no manifest of files ({e.Message})");
        }
    }

    public int Count => _missing.Count;

    /// <exception cref="DamagedBackupException">the file is not as the manifest says</exception>
    public void Check(string path, long size, uint crc)
    {
        if (!_missing.Remove(path, out var expected)) return; // the log that goes along is not listed
        if (expected.Size != size || expected.Crc != crc) throw new DamagedBackupException(_name, $"{path} is not what the server read ({size} bytes, CRC-32C {crc:x8}; expected {expected.Size} bytes, {expected.Crc:x8})");
    }

    /// <exception cref="DamagedBackupException">files are missing</exception>
    public void CheckComplete()
    {
        if (_missing.Count > 0) throw new DamagedBackupException(_name, $"{_missing.Count} files are missing, such as {_missing.Keys.First()}");
    }
}

/// <summary>CRC-32C by the processor's own instruction.</summary>
internal struct RunningCrc32C()
{
    private uint _crc = 0xFFFF_FFFF;

    public readonly uint Value => _crc ^ 0xFFFF_FFFF;

    public void Append(ReadOnlySpan<byte> bytes)
    {
        var words = MemoryMarshal.Cast<byte, ulong>(bytes);
        var crc = _crc;
        foreach (var word in words) crc = BitOperations.Crc32C(crc, word);
        foreach (var one in bytes[(words.Length * 8)..]) crc = BitOperations.Crc32C(crc, one);
        _crc = crc;
    }
}
