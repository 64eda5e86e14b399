using System.Globalization;
using System.Numerics;
using System.Text;
using System.Text.Json;

namespace OpsConsole.Core.Operations.Execution;

/// <summary>The journal of a critical section: one file per operation and epoch, one line per entry (CRC-32C and JSON), synced to disk
/// before the caller goes on. A torn last line is ignored.</summary>
internal sealed class LocalJournal : IDisposable
{
    private readonly FileStream _file;
    private long _position;

    private LocalJournal(FileStream file, long position) => (_file, _position) = (file, position);

    public static LocalJournal Open(string directory, Guid operation, long epoch)
    {
        var path = PathOf(directory, operation, epoch);
        var position = File.Exists(path) ? Read(path).Count : 0;
        return new LocalJournal(new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read), position);
    }

    /// <returns>the entry with its position</returns>
    public JournalEntry Append(JournalEntry entry, long epoch)
    {
        var placed = entry with { Local = ++_position, LocalEpoch = epoch, RefuseOnWish = false };
        var json = JsonSerializer.Serialize(placed, OperationJson.Options);
        _file.Write(Encoding.UTF8.GetBytes($"{Crc(json):x8} {json}\n"));
        _file.Flush(flushToDisk: true);
        return placed;
    }

    public void Dispose() => _file.Dispose();

    /// <summary>Journals that lie in a directory, of whatever operation.</summary>
    public static IReadOnlyList<LocalJournalFile> Files(string directory) => [.. Directory.EnumerateFiles(directory, "*.journal")
        .Select(path => (Path: path, Parts: Path.GetFileNameWithoutExtension(path).Split('.')))
        .Where(f => f.Parts.Length == 2)
        .Select(f => new LocalJournalFile(f.Path, Guid.Parse(f.Parts[0]), long.Parse(f.Parts[1], CultureInfo.InvariantCulture)))
        .OrderBy(f => f.Epoch)];

    /// <summary>Entries up to the first damaged line.</summary>
    public static IReadOnlyList<JournalEntry> Read(string path)
    {
        var entries = new List<JournalEntry>();
        foreach (var line in File.ReadAllText(path).Split('\n', StringSplitOptions.RemoveEmptyEntries))
        {
            if (line.Length < 10 || !uint.TryParse(line.AsSpan(0, 8), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var crc) || crc != Crc(line[9..])) break;
            entries.Add(JsonSerializer.Deserialize<JournalEntry>(line[9..], OperationJson.Options)!);
        }
        return entries;
    }

    private static string PathOf(string directory, Guid operation, long epoch) => Path.Combine(directory, $"{operation}.{epoch}.journal");

    private static uint Crc(string text)
    {
        var crc = uint.MaxValue;
        foreach (var value in Encoding.UTF8.GetBytes(text))
            crc = BitOperations.Crc32C(crc, value);
        return ~crc;
    }
}

internal sealed record LocalJournalFile(string Path, Guid Operation, long Epoch);
