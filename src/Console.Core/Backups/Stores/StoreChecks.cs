namespace OpsConsole.Core.Backups.Stores;

internal static class StoreChecks
{
    /// <summary>Writes, reads and deletes a small object of a random name.</summary>
    public static async Task RoundTripAsync(IBackupStore store, CancellationToken cancel)
    {
        var name = $"check/{Guid.NewGuid():N}";
        var content = Guid.NewGuid().ToByteArray();
        await store.PutAsync(name, new MemoryStream(content), PutOptions.New, cancel);
        var read = new byte[content.Length];
        await using (var stream = await store.GetAsync(name, 0, null, cancel))
        {
            var length = await stream.ReadAtLeastAsync(read, read.Length, throwOnEndOfStream: false, cancel);
            if (length != read.Length || !read.AsSpan().SequenceEqual(content)) throw new StoreException(store.Id, StoreFailure.Other, "it gives back other bytes than it was given.");
        }
        await store.DeleteAsync(name, cancel);
    }
}
