using OpsConsole.Core.Backups.Format;

namespace OpsConsole.Core.Backups.Stores;

/// <summary>The first bytes of another stream, which it owns.</summary>
internal sealed class LimitedStream(Stream inner, long most) : ForwardStream
{
    private long _left = most;

    public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
    {
        if (_left == 0) return 0;
        var read = await inner.ReadAsync(buffer[..(int)Math.Min(buffer.Length, _left)], cancellationToken);
        _left -= read;
        return read;
    }

    protected override void Dispose(bool disposing)
    {
        if (disposing) inner.Dispose();
        base.Dispose(disposing);
    }
}
