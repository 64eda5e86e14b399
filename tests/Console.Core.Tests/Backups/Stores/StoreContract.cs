using OpsConsole.Core.Backups.Stores;

namespace OpsConsole.Core.Tests.Backups.Stores;

/// <summary>What every store does alike, tried on the real thing.</summary>
public abstract class StoreContract
{
    private readonly string _folder = $"t{Guid.NewGuid():N}";

    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    protected abstract Task<IBackupStore> OpenAsync();

    [Theory]
    [InlineData(0)]
    [InlineData(10)]
    [InlineData((16 * 1024 * 1024) + 1)]
    [InlineData(40 * 1024 * 1024)]
    public async Task Put_OfAnyLength_ComesBack(int length)
    {
        using var store = await OpenAsync();
        var content = Content(length);

        var put = await store.PutAsync($"{_folder}/a.ocb", new MemoryStream(content), PutOptions.Replace, Cancel);

        Assert.Equal(length, put.Size);
        Assert.Equal(content, await ReadAsync(store, $"{_folder}/a.ocb", 0, null));
        Assert.Equal(length, (await store.FindAsync($"{_folder}/a.ocb", Cancel))!.Size);
    }

    [Fact]
    public async Task Get_OfAPart_GivesThatPart()
    {
        using var store = await OpenAsync();
        var content = Content(1000);
        await store.PutAsync($"{_folder}/a", new MemoryStream(content), PutOptions.Replace, Cancel);

        Assert.Equal(content[100..300], await ReadAsync(store, $"{_folder}/a", 100, 200));
        Assert.Equal(content[900..], await ReadAsync(store, $"{_folder}/a", 900, null));
    }

    [Fact]
    public async Task List_UnderAPrefix_IsOrderedAndComplete()
    {
        using var store = await OpenAsync();
        foreach (var name in new[] { "b/2", "a/1", "a/10", "a/2", "c" }) await store.PutAsync($"{_folder}/{name}", new MemoryStream([1]), PutOptions.Replace, Cancel);

        var all = await store.ListAsync($"{_folder}/", Cancel).Select(o => o.Name[(_folder.Length + 1)..]).ToListAsync(Cancel);
        var some = await store.ListAsync($"{_folder}/a/1", Cancel).Select(o => o.Name[(_folder.Length + 1)..]).ToListAsync(Cancel);

        Assert.Equal(["a/1", "a/10", "a/2", "b/2", "c"], all);
        Assert.Equal(["a/1", "a/10"], some);
    }

    [Fact]
    public async Task PutIfAbsent_OnWhatIsThere_IsRefusedAndKeepsIt()
    {
        using var store = await OpenAsync();
        await store.PutAsync($"{_folder}/a", new MemoryStream([1]), PutOptions.New, Cancel);

        var refusal = await Assert.ThrowsAsync<StoreException>(() => store.PutAsync($"{_folder}/a", new MemoryStream([2]), PutOptions.New, Cancel));

        Assert.Equal(StoreFailure.Exists, refusal.Failure);
        Assert.Equal([1], await ReadAsync(store, $"{_folder}/a", 0, null));
    }

    [Theory]
    [InlineData(1000)]
    [InlineData(20 * 1024 * 1024)]
    public async Task Put_WhoseSourceFails_LeavesNothing(int length)
    {
        using var store = await OpenAsync();

        await Assert.ThrowsAsync<InvalidOperationException>(() => store.PutAsync($"{_folder}/a", new BreakingStream(length), PutOptions.Replace, Cancel));

        Assert.Null(await store.FindAsync($"{_folder}/a", Cancel));
        Assert.Empty(await store.ListAsync($"{_folder}/", Cancel).ToListAsync(Cancel));
    }

    [Fact]
    public async Task Delete_Twice_IsNoMistake()
    {
        using var store = await OpenAsync();
        await store.PutAsync($"{_folder}/a", new MemoryStream([1]), PutOptions.Replace, Cancel);

        await store.DeleteAsync($"{_folder}/a", Cancel);
        await store.DeleteAsync($"{_folder}/a", Cancel);

        Assert.Null(await store.FindAsync($"{_folder}/a", Cancel));
        var missing = await Assert.ThrowsAsync<StoreException>(() => store.GetAsync($"{_folder}/a", 0, null, Cancel));
        Assert.Equal(StoreFailure.Missing, missing.Failure);
    }

    [Fact]
    public async Task Check_OfAWorkingStore_Passes()
    {
        using var store = await OpenAsync();

        await store.CheckAsync(Cancel);

        Assert.Empty(await store.ListAsync("check/", Cancel).ToListAsync(Cancel));
    }

    protected static byte[] Content(int length)
    {
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }

    protected static async Task<byte[]> ReadAsync(IBackupStore store, string name, long offset, long? length)
    {
        await using var stream = await store.GetAsync(name, offset, length, Cancel);
        var content = new MemoryStream();
        await stream.CopyToAsync(content, Cancel);
        return content.ToArray();
    }

    /// <summary>Gives some bytes and then fails, as a database does that is lost in the middle.</summary>
    private sealed class BreakingStream(int good) : MemoryStream(new byte[good])
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            await base.ReadAsync(buffer, cancellationToken) is > 0 and var read ? read : throw new InvalidOperationException("the source failed");
    }
}
