using Microsoft.Win32.SafeHandles;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Streaming;

namespace OpsConsole.Core.Drivers.Files;

/// <summary>Straight into a directory of this machine. Everything is on disk when it is complete.</summary>
internal sealed class DirectorySink : IRestoreSink
{
    // Written back in the background from here on; what is smaller waits for the end.
    private const long Large = 4 * 1024 * 1024;
    private readonly string _root;
    private SafeFileHandle? _file;
    private long _at;

    private DirectorySink(string root) => _root = root;

    /// <exception cref="BackupEngineException">it is not empty, or cannot be made</exception>
    public static DirectorySink Make(string directory)
    {
        try
        {
            if (Directory.Exists(directory) && Directory.EnumerateFileSystemEntries(directory).Any())
                throw new BackupEngineException($"{directory} is not empty. Name a directory that is empty or absent; nothing was written.") { Final = true };
            DurableFile.MakePrivateDirectory(directory);
            return new DirectorySink(directory);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new BackupEngineException($"{directory} cannot be made: {e.Message}", e) { Final = true };
        }
    }

    public ValueTask BeginAsync(TarEntry entry, CancellationToken cancel)
    {
        var path = PathOf(entry.Name);
        switch (entry.Kind)
        {
            case TarKind.Directory:
                DurableFile.MakePrivateDirectory(path);
                break;
            case TarKind.Link:
                throw new InvalidDataException($"{entry.Name} is a link out of the data directory");
            default:
                _file = File.OpenHandle(path, FileMode.Create, FileAccess.Write, FileShare.None, FileOptions.None);
                if (OperatingSystem.IsLinux()) File.SetUnixFileMode(_file, UnixFileMode.UserRead | UnixFileMode.UserWrite);
                _at = 0;
                break;
        }
        return ValueTask.CompletedTask;
    }

    public ValueTask ContentAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel)
    {
        RandomAccess.Write(_file!, bytes.Span, _at);
        _at += bytes.Length;
        return ValueTask.CompletedTask;
    }

    public ValueTask EndAsync(CancellationToken cancel)
    {
        if (_file is null) return ValueTask.CompletedTask;
        if (_at >= Large) DurableFile.WriteBack(_file, 0, _at);
        _file.Dispose();
        _file = null;
        return ValueTask.CompletedTask;
    }

    public async ValueTask CompleteAsync(CancellationToken cancel) => await Task.Run(() => DurableFile.SyncFileSystem(_root), cancel);

    private string PathOf(string name)
    {
        if (name.Split('/').Any(p => p is "" or "." or "..")) throw new InvalidDataException($"the archive holds the name {name}");
        return Path.Combine(_root, name);
    }

    public ValueTask DisposeAsync()
    {
        _file?.Dispose();
        return ValueTask.CompletedTask;
    }
}
