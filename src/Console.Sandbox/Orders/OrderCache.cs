using StackExchange.Redis;

namespace OpsConsole.Sandbox.Orders;

/// <summary>The latest orders in the region's Redis for a second; replicas receive them from the primary region's cache.</summary>
public sealed class OrderCache(OrdersSettings settings) : IAsyncDisposable
{
    private const string Key = "orders:latest";
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(1);

    private readonly Lazy<Task<ConnectionMultiplexer>> _redis = new(() => ConnectionMultiplexer.ConnectAsync(settings.Cache));

    public async Task PingAsync() => await (await _redis.Value).GetDatabase().PingAsync();

    public async Task<string> LatestAsync(Func<Task<string>> read)
    {
        var redis = await _redis.Value;
        if (!redis.IsConnected)
        {
            return await read();
        }
        try
        {
            if (await redis.GetDatabase().StringGetAsync(Key) is { HasValue: true } kept)
            {
                return kept.ToString();
            }
        }
        catch (Exception e) when (e is RedisException or TimeoutException)
        {
            return await read(); // a cache that is away costs time, not answers
        }

        var latest = await read();
        if (!redis.GetServers()[0].IsReplica)
        {
            await redis.GetDatabase().StringSetAsync(Key, latest, Fresh, flags: CommandFlags.FireAndForget);
        }
        return latest;
    }

    public async ValueTask DisposeAsync()
    {
        if (_redis.IsValueCreated)
        {
            await (await _redis.Value).DisposeAsync();
        }
    }
}
