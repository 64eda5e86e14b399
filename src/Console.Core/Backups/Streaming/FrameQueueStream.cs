using System.Threading.Channels;
using OpsConsole.Core.Backups.Format;

namespace OpsConsole.Core.Backups.Streaming;

/// <summary>The frames of a queue as a stream, for a store to read. Fails when the writer gave up, so that the store keeps nothing.</summary>
internal sealed class FrameQueueStream(ChannelReader<SharedFrame> frames) : ForwardStream
{
    private SharedFrame? _frame;
    private int _at;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_frame is null)
        {
            // The reader throws what the writer completed it with.
            if (!await frames.WaitToReadAsync(cancellationToken)) return 0;
            if (!frames.TryRead(out _frame)) return 0;
            _at = 0;
        }
        var part = Math.Min(buffer.Length, _frame.Bytes.Length - _at);
        _frame.Bytes.Slice(_at, part).CopyTo(buffer);
        _at += part;
        if (_at == _frame.Bytes.Length)
        {
            _frame.Release();
            _frame = null;
        }
        return part;
    }
}
