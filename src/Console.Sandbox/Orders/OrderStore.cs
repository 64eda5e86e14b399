using System.Text.Json;
using Npgsql;

namespace OpsConsole.Sandbox.Orders;

/// <summary>Orders in the database: written through the fleet's write endpoint, read from the region's own node.</summary>
public sealed class OrderStore(OrdersSettings settings) : IAsyncDisposable
{
    private readonly NpgsqlDataSource _write = NpgsqlDataSource.Create(settings.WriteConnectionString);
    private readonly NpgsqlDataSource _read = NpgsqlDataSource.Create(settings.ReadConnectionString);

    public string Region => settings.Region;

    public async Task PingAsync(CancellationToken cancel)
    {
        await using var command = _read.CreateCommand("SELECT 1");
        await command.ExecuteScalarAsync(cancel);
    }

    public async Task<long> InsertAsync(string customer, decimal amount, CancellationToken cancel)
    {
        await using var command = _write.CreateCommand("INSERT INTO orders (region, customer, amount) VALUES ($1, $2, $3) RETURNING id");
        command.Parameters.Add(new() { Value = settings.Region });
        command.Parameters.Add(new() { Value = customer });
        command.Parameters.Add(new() { Value = amount });
        return (long)(await command.ExecuteScalarAsync(cancel))!;
    }

    /// <summary>The latest twenty, as JSON.</summary>
    public async Task<string> LatestAsync(CancellationToken cancel)
    {
        await using var command = _read.CreateCommand("SELECT id, region, amount, created_at FROM orders ORDER BY id DESC LIMIT 20");
        await using var reader = await command.ExecuteReaderAsync(cancel);
        var orders = new List<object>();
        while (await reader.ReadAsync(cancel))
        {
            orders.Add(new { id = reader.GetInt64(0), region = reader.GetString(1), amount = reader.GetDecimal(2), at = reader.GetDateTime(3) });
        }
        return JsonSerializer.Serialize(orders);
    }

    public async ValueTask DisposeAsync()
    {
        await _write.DisposeAsync();
        await _read.DisposeAsync();
    }
}
