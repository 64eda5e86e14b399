using OpsConsole.Core.Backups.Format;
using OpsConsole.Core.Backups.Stores;

namespace OpsConsole.Core.Backups.Streaming;

/// <summary>Objects that fit into memory, compressed and encrypted as a whole: descriptions, lists, segments of the log.</summary>
internal static class SmallObject
{
    private const int Level = 3;

    /// <summary>The stored form.</summary>
    public static async Task<(StreamedObject Object, SharedFrame Stored)> MakeAsync(BackupKey key, string name, ReadOnlyMemory<byte> content, CancellationToken cancel)
    {
        var parts = new List<SharedFrame>();
        var (stored, _) = await WriteAsync(key, name, content, (frame, _) =>
        {
            parts.Add(frame);
            return ValueTask.CompletedTask;
        }, cancel);
        var whole = SharedFrame.Rent(parts.Sum(p => p.Bytes.Length), out var bytes);
        foreach (var part in parts)
        {
            part.Bytes.CopyTo(bytes);
            bytes = bytes[part.Bytes.Length..];
            part.Release();
        }
        return (stored, whole);
    }

    public static async Task<(StreamedObject Object, IReadOnlyList<CopyOutcome> Outcomes)> WriteAsync(BackupKey key, string name, ReadOnlyMemory<byte> content, FanOut fan, CancellationToken cancel)
    {
        var (stored, _) = await WriteAsync(key, name, content, fan.WriteAsync, cancel);
        return (stored, await fan.CompleteAsync(cancel));
    }

    private static async Task<(StreamedObject Object, long Compressed)> WriteAsync(BackupKey key, string name, ReadOnlyMemory<byte> content, Func<SharedFrame, CancellationToken, ValueTask> sink, CancellationToken cancel)
    {
        using var compressor = new ZstdSharp.Compressor(Level);
        var compressed = new byte[ZstdSharp.Compressor.GetCompressBound(content.Length)];
        var length = compressor.Wrap(content.Span, compressed);
        using var writer = new FrameWriter(key, StreamCompression.Zstd, name, sink);
        await writer.WriteAsync(compressed.AsMemory(0, length), cancel);
        var hash = await writer.CompleteAsync(cancel);
        return (new StreamedObject(name, content.Length, writer.StoredBytes, hash), length);
    }

    /// <exception cref="StoreException">not there, or not to be had</exception>
    /// <exception cref="DamagedBackupException">altered</exception>
    public static async Task<byte[]> ReadAsync(IBackupStore store, KeyRing keys, string name, CancellationToken cancel)
    {
        await using var frames = await FrameStream.OpenAsync(await store.GetAsync(name, 0, null, cancel), keys, name, cancel);
        var content = new MemoryStream();
        if (frames.Header.Compression == StreamCompression.None)
        {
            await frames.CopyToAsync(content, cancel);
            return content.ToArray();
        }
        try
        {
            await using var plain = new ZstdSharp.DecompressionStream(frames, leaveOpen: true);
            await plain.CopyToAsync(content, cancel);
        }
        catch (ZstdSharp.ZstdException e)
        {
            throw new DamagedBackupException(name, $"its compression is broken ({e.Message})");
        }
        await frames.CheckAsync(cancel); // up to its very end
        return content.ToArray();
    }
}
