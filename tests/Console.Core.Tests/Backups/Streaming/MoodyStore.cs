using OpsConsole.Core.Backups.Stores;

namespace OpsConsole.Core.Tests.Backups.Streaming;

/// <summary>A store that can be told to fail: at once, after so many bytes, or by taking nothing and saying nothing.</summary>
public sealed class MoodyStore(IBackupStore inner) : IBackupStore
{
    private TaskCompletionSource _silence = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Null: it works.</summary>
    public StoreFailure? Refuses { get; set; }

    /// <summary>Bytes of one put after which it refuses.</summary>
    public long After { get; set; }

    public bool Silent { get; set; }

    public string Id => inner.Id;
    public string Location => inner.Location;
    public StoreCapabilities Capabilities => inner.Capabilities;

    public void Recover()
    {
        (Refuses, Silent) = (null, false);
        _silence.TrySetResult();
        _silence = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    public async Task<StoredObject> PutAsync(string name, Stream content, PutOptions options, CancellationToken cancel)
    {
        if (Silent) await _silence.Task.WaitAsync(cancel);
        if (Refuses is { } failure && After == 0) throw new StoreException(Id, failure, "as the test wants it.");
        return await inner.PutAsync(name, Refuses is null ? content : new Cut(content, this), options, cancel);
    }

    public Task<Stream> GetAsync(string name, long offset, long? length, CancellationToken cancel) => inner.GetAsync(name, offset, length, cancel);
    public IAsyncEnumerable<StoredObject> ListAsync(string prefix, CancellationToken cancel) => inner.ListAsync(prefix, cancel);
    public Task<StoredObject?> FindAsync(string name, CancellationToken cancel) => inner.FindAsync(name, cancel);
    public Task DeleteAsync(string name, CancellationToken cancel) => inner.DeleteAsync(name, cancel);
    public Task HoldAsync(string name, bool held, CancellationToken cancel) => inner.HoldAsync(name, held, cancel);
    public Task RetainAsync(string name, DateTimeOffset until, CancellationToken cancel) => inner.RetainAsync(name, until, cancel);
    public Task CheckAsync(CancellationToken cancel) => inner.CheckAsync(cancel);
    public void Dispose() => inner.Dispose();

    private sealed class Cut(Stream content, MoodyStore store) : MemoryStream
    {
        private long _seen;

        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            _seen += await content.ReadAsync(buffer, cancellationToken) is var read ? read : 0;
            return _seen > store.After ? throw new StoreException(store.Id, store.Refuses!.Value, "as the test wants it.") : read;
        }
    }
}
