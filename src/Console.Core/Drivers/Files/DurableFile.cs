using System.Buffers;
using System.Runtime.InteropServices;

namespace OpsConsole.Core.Drivers.Files;

/// <summary>Files that survive a power cut once they are said to be written.</summary>
internal static partial class DurableFile
{
    private const int BufferBytes = 1024 * 1024;
    private const int NoSpace = 28; // ENOSPC
    private const int QuotaExceeded = 122; // EDQUOT on Linux
    private const int FileTooBig = 27; // EFBIG, a limit of the process or the file system
    // Written back early and in the background, so that the sync at the end is short; see sync_file_range(2).
    private const int StartWriting = 2;
    private const long Window = 32 * 1024 * 1024;

    public static bool IsFull(IOException e) => (e.HResult & 0xFFFF) is NoSpace or QuotaExceeded or FileTooBig;

    public static async Task<long> CopyAsync(Stream from, FileStream to, CancellationToken cancel)
    {
        var buffer = ArrayPool<byte>.Shared.Rent(BufferBytes);
        try
        {
            var (total, begun) = (0L, 0L);
            int read;
            while ((read = await from.ReadAsync(buffer, cancel)) > 0)
            {
                await to.WriteAsync(buffer.AsMemory(0, read), cancel);
                total += read;
                if (total - begun < Window) continue;
                WriteBack(to.SafeFileHandle, begun, total - begun);
                begun = total;
            }
            return total;
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }

    public static void Sync(FileStream file) => file.Flush(flushToDisk: true);

    /// <summary>Asks the kernel to begin writing a range, without waiting. A hint only: what counts is the sync.</summary>
    public static void WriteBack(SafeHandle file, long from, long length)
    {
        if (OperatingSystem.IsLinux()) _ = SyncFileRange(file, from, length, StartWriting);
    }

    /// <summary>Everything in the file system that a directory lies in: for thousands of files one wait instead of thousands.</summary>
    public static void SyncFileSystem(string path) => OnDirectory(path, SyncFileSystem);

    /// <summary>As PostgreSQL wants its data directory.</summary>
    public static void MakePrivateDirectory(string path)
    {
        if (OperatingSystem.IsWindows()) Directory.CreateDirectory(path);
        else Directory.CreateDirectory(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    /// <summary>Makes a directory and syncs the ones above it that it appears in.</summary>
    public static void MakeDirectory(string root, string directory)
    {
        if (Directory.Exists(directory)) return;
        Directory.CreateDirectory(directory);
        for (var above = Path.GetDirectoryName(directory); above is not null && above.Length >= root.TrimEnd('/').Length; above = Path.GetDirectoryName(above)) SyncDirectory(above);
    }

    /// <summary>After it the names in a directory are durable, not only the files.</summary>
    public static void SyncDirectory(string path) => OnDirectory(path, Sync);

    private static void OnDirectory(string path, Func<int, int> sync)
    {
        if (!OperatingSystem.IsLinux()) return;
        var descriptor = Open(path, 0);
        if (descriptor < 0) throw new IOException($"{path} cannot be opened to be synced: {Marshal.GetLastPInvokeErrorMessage()}");
        var failed = sync(descriptor) != 0 ? Marshal.GetLastPInvokeErrorMessage() : null;
        _ = Close(descriptor);
        if (failed is not null) throw new IOException($"{path} cannot be synced: {failed}");
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int Sync(int descriptor);

    [LibraryImport("libc", EntryPoint = "syncfs", SetLastError = true)]
    private static partial int SyncFileSystem(int descriptor);

    [LibraryImport("libc", EntryPoint = "close", SetLastError = true)]
    private static partial int Close(int descriptor);

    [LibraryImport("libc", EntryPoint = "sync_file_range", SetLastError = true)]
    private static partial int SyncFileRange(SafeHandle file, long offset, long bytes, uint flags);
}
