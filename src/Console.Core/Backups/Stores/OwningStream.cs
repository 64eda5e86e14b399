using OpsConsole.Core.Backups.Format;

namespace OpsConsole.Core.Backups.Stores;

/// <summary>A stream that ends something else with itself: the answer that it is the body of.</summary>
internal sealed class OwningStream(Stream inner, IDisposable owner) : ForwardStream
{
    public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => inner.ReadAsync(buffer, cancellationToken);

    protected override void Dispose(bool disposing)
    {
        if (disposing)
        {
            inner.Dispose();
            owner.Dispose();
        }
        base.Dispose(disposing);
    }
}
