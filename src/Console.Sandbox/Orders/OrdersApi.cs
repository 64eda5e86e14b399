using Npgsql;
using StackExchange.Redis;

namespace OpsConsole.Sandbox.Orders;

/// <summary>The application of the fleet: takes orders (really inserted through the write endpoint) and shows the latest ones (from
/// the region's cache, else its own database node).</summary>
public static class OrdersApi
{
    public static async Task<int> RunAsync(string settingsFile)
    {
        var settings = OrdersSettings.Read(settingsFile);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.SetMinimumLevel(LogLevel.Warning);
        builder.WebHost.UseUrls($"http://127.0.0.1:{settings.Port}");

        await using var store = new OrderStore(settings);
        var cache = new OrderCache(settings);
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(settings);
        builder.Services.AddSingleton(store);
        builder.Services.AddSingleton(cache);
        builder.Services.AddSingleton<OrderMetrics>();
        builder.Services.AddSingleton<OrderFaults>();

        await using var app = builder.Build();
        app.Use(app.Services.GetRequiredService<OrderMetrics>().CountAsync);
        Map(app);
        await app.RunAsync();
        await cache.DisposeAsync();
        return 0;
    }

    private static void Map(WebApplication app)
    {
        app.MapGet("/ping", () => "pong");
        app.MapGet("/health", async (OrderStore store, OrderCache cache, CancellationToken cancel) =>
        {
            var (database, redis) = (await IsUpAsync(store.PingAsync(cancel)), await IsUpAsync(cache.PingAsync()));
            var health = new { status = database && redis ? "ok" : "failing", database, cache = redis };
            return Results.Json(health, statusCode: database && redis ? 200 : 503);
        });
        app.MapGet("/orders", async (OrderStore store, OrderCache cache, OrderFaults faults, CancellationToken cancel) =>
        {
            await faults.ApplyAsync(cancel);
            return Results.Text(await cache.LatestAsync(() => store.LatestAsync(cancel)), "application/json");
        });
        app.MapPost("/orders", async (NewOrder order, HttpContext http, OrderStore store, OrderMetrics metrics, OrderFaults faults, CancellationToken cancel) =>
        {
            await faults.ApplyAsync(cancel);
            if (order.Amount is <= 0 or > 1_000_000)
            {
                return Results.Problem("amount must be more than 0 and at most 1,000,000.", statusCode: 422);
            }
            var id = await store.InsertAsync(OrderMetrics.Customer(http), order.Amount, cancel);
            metrics.OrderTaken();
            return Results.Json(new { id, region = store.Region }, statusCode: 201);
        });
        app.MapGet("/metrics", (OrderMetrics metrics) => Results.Text(metrics.Render(), "text/plain; version=0.0.4"));
        app.MapGet("/faults", (OrderFaults faults) => faults.Current);
        app.MapPost("/faults", (FaultSwitch wanted, OrderFaults faults) => faults.Current = wanted);
    }

    private static async Task<bool> IsUpAsync(Task check)
    {
        try
        {
            await check;
            return true;
        }
        catch (Exception e) when (e is NpgsqlException or RedisException or TimeoutException or InvalidOperationException)
        {
            return false;
        }
    }
}

public sealed record NewOrder(decimal Amount);
