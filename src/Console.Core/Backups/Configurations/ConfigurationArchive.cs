using System.Formats.Tar;
using System.Text;
using OpsConsole.Core.Backups.Format;
using OpsConsole.Core.Drivers.Postgres;

namespace OpsConsole.Core.Backups.Configurations;

/// <summary>The configuration of a cluster's nodes as one tar archive: <c>REGION/PATH/ON/THE/HOST</c> and <c>REGION/settings.json</c>.</summary>
internal static class ConfigurationArchive
{
    private const string Settings = "settings.json";
    private const UnixFileMode Mode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    public static byte[] Make(IEnumerable<(string Region, NodeConfiguration Node)> nodes, DateTimeOffset at)
    {
        var archive = new MemoryStream();
        using (var writer = new TarWriter(archive, TarEntryFormat.Pax, leaveOpen: true))
        {
            void Add(string name, byte[] content) => writer.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name) { Mode = Mode, ModificationTime = at, DataStream = new MemoryStream(content) });
            foreach (var (region, node) in nodes)
            {
                foreach (var file in node.Files) Add($"{region}/{file.Path.Replace('\\', '/').TrimStart('/')}", file.Content);
                Add($"{region}/{Settings}", Encoding.UTF8.GetBytes(node.Settings));
            }
        }
        return archive.ToArray();
    }

    /// <returns>name and content of each file</returns>
    /// <exception cref="DamagedBackupException">it is no archive, or of other files than described</exception>
    public static IReadOnlyList<(string Name, byte[] Content)> Read(byte[] archive, ConfigurationBackup backup)
    {
        var name = backup.Objects[0].Name;
        var files = new List<(string, byte[])>();
        try
        {
            using var reader = new TarReader(new MemoryStream(archive));
            while (reader.GetNextEntry() is { } entry)
            {
                using var content = new MemoryStream();
                entry.DataStream?.CopyTo(content);
                files.Add((entry.Name, content.ToArray()));
            }
        }
        catch (Exception e) when (e is InvalidDataException or IOException or FormatException)
        {
            throw new DamagedBackupException(name, $"it is no archive ({e.Message})");
        }
        foreach (var node in backup.Nodes)
            if (files.Count(f => f.Item1.StartsWith($"{node.Region}/", StringComparison.Ordinal) && f.Item1 != $"{node.Region}/{Settings}") is var found && found != node.Files)
                throw new DamagedBackupException(name, $"it holds {found} files of {node.Region}, not {node.Files}");
        return files;
    }

    /// <summary>Writes the files under a directory, readable by their owner alone.</summary>
    /// <exception cref="DamagedBackupException">a name leads out of the directory</exception>
    public static async Task ExtractAsync(IReadOnlyList<(string Name, byte[] Content)> files, string directory, CancellationToken cancel)
    {
        var root = Path.GetFullPath(directory) + Path.DirectorySeparatorChar;
        foreach (var (name, content) in files)
        {
            var path = Path.GetFullPath(Path.Combine(root, name));
            if (!path.StartsWith(root, StringComparison.Ordinal)) throw new DamagedBackupException(name, "the name leads out of the directory");
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            await using var file = new FileStream(path, OperatingSystem.IsWindows()
                ? new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write } : new FileStreamOptions { Mode = FileMode.Create, Access = FileAccess.Write, UnixCreateMode = Mode });
            await file.WriteAsync(content, cancel);
        }
    }
}
