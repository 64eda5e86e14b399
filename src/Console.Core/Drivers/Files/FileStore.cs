using System.Runtime.CompilerServices;
using OpsConsole.Core.Backups.Stores;

namespace OpsConsole.Core.Drivers.Files;

/// <summary>A directory. An object is written beside its place, synced, and moved there, so that a crash leaves it whole or absent; the directory is synced as well.</summary>
public sealed class FileStore(string id, string root) : IBackupStore
{
    private const string Unfinished = ".unfinished";
    private const int BufferBytes = 1024 * 1024;

    public string Id => id;
    public string Location => root;
    public StoreCapabilities Capabilities { get; } = new(ConditionalPut: true, Retention: false, LegalHold: false, Versioned: false);

    public Task<StoredObject> PutAsync(string name, Stream content, PutOptions options, CancellationToken cancel) => Guarded(name, async () =>
    {
        var path = PathOf(name);
        if (options.IfAbsent && File.Exists(path)) throw new StoreException(id, StoreFailure.Exists, $"{name} is there already.");
        var directory = Path.GetDirectoryName(path)!;
        DurableFile.MakeDirectory(root, directory);
        var fresh = Path.Combine(directory, $".{Guid.NewGuid():N}{Unfinished}");
        try
        {
            long size;
            await using (var file = new FileStream(fresh, FileMode.CreateNew, FileAccess.Write, FileShare.None, 0, FileOptions.Asynchronous))
            {
                size = await DurableFile.CopyAsync(content, file, cancel);
                DurableFile.Sync(file);
            }
            File.Move(fresh, path, overwrite: !options.IfAbsent); // without overwriting it is a link: one of two writers wins
            DurableFile.SyncDirectory(directory);
            return new StoredObject(name, size, File.GetLastWriteTimeUtc(path));
        }
        catch (IOException) when (options.IfAbsent && File.Exists(path))
        {
            throw new StoreException(id, StoreFailure.Exists, $"{name} is there already.");
        }
        finally
        {
            File.Delete(fresh);
        }
    });

    public Task<Stream> GetAsync(string name, long offset, long? length, CancellationToken cancel) => Guarded<Stream>(name, () =>
    {
        var file = new FileStream(PathOf(name), FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete, BufferBytes, FileOptions.Asynchronous | FileOptions.SequentialScan);
        file.Position = offset;
        return Task.FromResult<Stream>(length is { } most ? new LimitedStream(file, most) : file);
    });

    public async IAsyncEnumerable<StoredObject> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancel)
    {
        var found = await Guarded(prefix, () => Task.FromResult(Find(prefix)));
        foreach (var item in found)
        {
            cancel.ThrowIfCancellationRequested();
            yield return item;
        }
    }

    public Task<StoredObject?> FindAsync(string name, CancellationToken cancel) => Guarded(name, () =>
    {
        var file = new FileInfo(PathOf(name));
        return Task.FromResult(file.Exists ? new StoredObject(name, file.Length, file.LastWriteTimeUtc) : null);
    });

    public Task DeleteAsync(string name, CancellationToken cancel) => Guarded(name, () =>
    {
        var path = PathOf(name);
        if (File.Exists(path))
        {
            File.Delete(path);
            DurableFile.SyncDirectory(Path.GetDirectoryName(path)!);
            RemoveEmpty(Path.GetDirectoryName(path)!);
        }
        return Task.FromResult(true);
    });

    public Task HoldAsync(string name, bool held, CancellationToken cancel) => throw new StoreException(id, StoreFailure.Unsupported, "A directory cannot hold objects against deletion.");

    public Task RetainAsync(string name, DateTimeOffset until, CancellationToken cancel) => throw new StoreException(id, StoreFailure.Unsupported, "A directory cannot retain objects.");

    public async Task CheckAsync(CancellationToken cancel)
    {
        if (!Directory.Exists(root)) throw new StoreException(id, StoreFailure.Unreachable, $"{root} is not there (is the file system mounted?).");
        await StoreChecks.RoundTripAsync(this, cancel);
    }

    // The directories of a backup that is gone; another writer may be filling one right now, and keeps it.
    private void RemoveEmpty(string directory)
    {
        while (directory.Length > root.TrimEnd('/').Length && Directory.Exists(directory) && !Directory.EnumerateFileSystemEntries(directory).Any())
        {
            try
            {
                Directory.Delete(directory);
            }
            catch (IOException)
            {
                return; // not empty any more
            }
            directory = Path.GetDirectoryName(directory)!;
        }
    }

    private List<StoredObject> Find(string prefix)
    {
        // Only the directory that the prefix leads into: a repository may hold years.
        var start = Path.Combine(root, prefix.Contains('/', StringComparison.Ordinal) ? prefix[..prefix.LastIndexOf('/')] : "");
        if (!Directory.Exists(start)) return [];
        return [.. new DirectoryInfo(start).EnumerateFiles("*", SearchOption.AllDirectories)
            .Where(f => !f.Name.EndsWith(Unfinished, StringComparison.Ordinal))
            .Select(f => new StoredObject(Path.GetRelativePath(root, f.FullName).Replace('\\', '/'), f.Length, f.LastWriteTimeUtc))
            .Where(o => o.Name.StartsWith(prefix, StringComparison.Ordinal))
            .OrderBy(o => o.Name, StringComparer.Ordinal)];
    }

    private string PathOf(string name) => Path.Combine(root, ObjectName.Check(name));

    private async Task<T> Guarded<T>(string name, Func<Task<T>> action)
    {
        try
        {
            return await action();
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new StoreException(id, StoreFailure.Missing, $"there is no {name} in {root}.", e);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new StoreException(id, StoreFailure.Denied, $"the console's user may not use {root}: {e.Message}", e);
        }
        catch (IOException e) when (DurableFile.IsFull(e))
        {
            throw new StoreException(id, StoreFailure.Full, $"no space is left in {root}.", e);
        }
        catch (IOException e) when (e is not EndOfStreamException)
        {
            throw new StoreException(id, StoreFailure.Other, $"{root}: {e.Message}", e);
        }
    }

    public void Dispose() { }
}
