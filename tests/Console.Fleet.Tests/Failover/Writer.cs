using System.Diagnostics;
using Npgsql;

namespace OpsConsole.Fleet.Tests.Failover;

/// <summary>An independent client: inserts a row each 20 ms through the write endpoint, reconnects at once, remembers every
/// acknowledged id.</summary>
internal sealed class Writer : IAsyncDisposable
{
    private readonly LiveFleet _fleet;
    private readonly string _table = $"writer_{Guid.NewGuid():N}"[..20];
    private readonly CancellationTokenSource _over = new();
    private readonly List<(long Id, long At)> _acknowledged = [];
    private readonly List<string> _errors = [];
    private Task _loop = Task.CompletedTask;

    private Writer(LiveFleet fleet) => _fleet = fleet;

    public static async Task<Writer> StartAsync(LiveFleet fleet)
    {
        var writer = new Writer(fleet);
        await using (var connection = await writer.ConnectAsync())
        {
            await using var command = new NpgsqlCommand($"CREATE TABLE {writer._table} (id bigint PRIMARY KEY)", connection);
            await command.ExecuteNonQueryAsync();
        }
        writer._loop = Task.Run(writer.RunAsync);
        return writer;
    }

    public IReadOnlyList<string> Errors { get { lock (_errors) return [.. _errors]; } }
    public int Count { get { lock (_acknowledged) return _acknowledged.Count; } }

    /// <summary>Longest time between two acknowledged rows.</summary>
    public TimeSpan LongestPause
    {
        get
        {
            lock (_acknowledged)
                return _acknowledged.Count < 2 ? TimeSpan.MaxValue : _acknowledged.Zip(_acknowledged.Skip(1)).Max(p => Stopwatch.GetElapsedTime(p.First.At, p.Second.At));
        }
    }

    public async Task StopAsync()
    {
        await _over.CancelAsync();
        await _loop;
    }

    /// <summary>Acknowledged rows that the region's database does not hold.</summary>
    public async Task<IReadOnlyList<long>> LostAsync(string region)
    {
        await using var connection = new NpgsqlConnection(_fleet.Node(region));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand($"SELECT id FROM {_table}", connection);
        await using var reader = await command.ExecuteReaderAsync();
        var there = new HashSet<long>();
        while (await reader.ReadAsync()) there.Add(reader.GetInt64(0));
        lock (_acknowledged) return _acknowledged.Select(a => a.Id).Where(id => !there.Contains(id)).ToList();
    }

    private async Task RunAsync()
    {
        NpgsqlConnection? connection = null;
        for (var id = 1L; !_over.IsCancellationRequested; id++)
        {
            var start = Stopwatch.GetTimestamp();
            try
            {
                connection ??= await ConnectAsync();
                var warned = false;
                connection.Notice += (_, _) => warned = true;
                await using var command = new NpgsqlCommand($"INSERT INTO {_table} VALUES ({id})", connection);
                await command.ExecuteNonQueryAsync();
                if (!warned) lock (_acknowledged) _acknowledged.Add((id, Stopwatch.GetTimestamp()));
            }
            catch (Exception e) when (e is NpgsqlException or System.Net.Sockets.SocketException or TimeoutException)
            {
                lock (_errors) _errors.Add(e.Message);
                if (connection is not null) await connection.DisposeAsync();
                connection = null;
            }
            var pause = TimeSpan.FromMilliseconds(20) - Stopwatch.GetElapsedTime(start);
            if (pause > TimeSpan.Zero) await Task.Delay(pause);
        }
        if (connection is not null) await connection.DisposeAsync();
    }

    private async Task<NpgsqlConnection> ConnectAsync()
    {
        var connection = new NpgsqlConnection(_fleet.WriteEndpoint);
        await connection.OpenAsync();
        return connection;
    }

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _over.Dispose();
    }
}
