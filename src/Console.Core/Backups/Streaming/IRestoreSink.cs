namespace OpsConsole.Core.Backups.Streaming;

/// <summary>Where restored files go, one after another.</summary>
internal interface IRestoreSink : IAsyncDisposable
{
    ValueTask BeginAsync(TarEntry entry, CancellationToken cancel);
    ValueTask ContentAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel);
    ValueTask EndAsync(CancellationToken cancel);

    /// <summary>All is written and durable.</summary>
    ValueTask CompleteAsync(CancellationToken cancel);
}

internal static class RestoreSinks
{
    public static async ValueTask FileAsync(this IRestoreSink sink, string name, ReadOnlyMemory<byte> content, CancellationToken cancel)
    {
        await sink.BeginAsync(new TarEntry(name, TarKind.File, content.Length, Convert.ToInt32("600", 8), ""), cancel);
        await sink.ContentAsync(content, cancel);
        await sink.EndAsync(cancel);
    }

    public static async ValueTask DirectoryAsync(this IRestoreSink sink, string name, CancellationToken cancel)
    {
        await sink.BeginAsync(new TarEntry(name, TarKind.Directory, 0, Convert.ToInt32("700", 8), ""), cancel);
        await sink.EndAsync(cancel);
    }
}

/// <summary>As a tar archive, for a host's own <c>tar -x</c>.</summary>
internal sealed class TarSink(Stream output) : IRestoreSink
{
    private static readonly byte[] Zeros = new byte[2 * TarEntry.Block];
    private long _padding;

    public async ValueTask BeginAsync(TarEntry entry, CancellationToken cancel)
    {
        await output.WriteAsync(entry.ToHeader(), cancel);
        _padding = entry.Padding;
    }

    public ValueTask ContentAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancel) => output.WriteAsync(bytes, cancel);

    public ValueTask EndAsync(CancellationToken cancel) => output.WriteAsync(Zeros.AsMemory(0, (int)_padding), cancel);

    public async ValueTask CompleteAsync(CancellationToken cancel)
    {
        await output.WriteAsync(Zeros, cancel);
        await output.FlushAsync(cancel);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
