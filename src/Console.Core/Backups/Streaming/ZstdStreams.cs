namespace OpsConsole.Core.Backups.Streaming;

internal static class ZstdStreams
{
    private const int BufferBytes = 1024 * 1024;

    public static Stream Decompress(Stream compressed) => new ZstdSharp.DecompressionStream(compressed, BufferBytes, checkEndOfStream: true, leaveOpen: true);
}
