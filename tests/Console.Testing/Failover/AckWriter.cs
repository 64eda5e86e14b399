using System.Diagnostics;
using Npgsql;

namespace OpsConsole.Testing.Failover;

/// <param name="Sent">clock ticks when the statement went out; <paramref name="Answered"/>: when its commit was acknowledged</param>
/// <param name="Node">server that acknowledged it</param>
/// <param name="Timeline">of that server at that moment</param>
public readonly record struct Ack(long Id, long Sent, long Answered, string Node, int Timeline);

/// <summary>A client like any other, which knows nothing of the console: inserts a row at a steady pace, connects again at once when it
/// fails, remembers every acknowledged id and who acknowledged it. An answer with a warning is no acknowledgement.</summary>
public sealed class AckWriter : IAsyncDisposable
{
    private readonly string _connectionString;
    private readonly string _table;
    private readonly TimeSpan _pace;
    private readonly CancellationTokenSource _over = new();
    private readonly List<Ack> _acks = [];
    private readonly List<(long At, string Message)> _failures = [];
    private readonly Task _loop;

    private AckWriter(string connectionString, string table, TimeSpan pace)
    {
        (_connectionString, _table, _pace) = (connectionString, table, pace);
        _loop = Task.Run(RunAsync);
    }

    public static async Task<AckWriter> StartAsync(string connectionString, string table, TimeSpan pace)
    {
        await using (var connection = new NpgsqlConnection(connectionString))
        {
            await connection.OpenAsync();
            await using var command = new NpgsqlCommand($"CREATE TABLE IF NOT EXISTS {table} (id bigint PRIMARY KEY)", connection);
            await command.ExecuteNonQueryAsync();
        }
        return new AckWriter(connectionString, table, pace);
    }

    public string Table => _table;

    public IReadOnlyList<Ack> Acks { get { lock (_acks) return [.. _acks]; } }

    public int FailuresSince(long ticks) { lock (_failures) return _failures.Count(f => f.At >= ticks); }

    public string? LastFailure { get { lock (_failures) return _failures.Count == 0 ? null : _failures[^1].Message; } }

    /// <summary>Longest time between two acknowledgements in a row from then on, the last one before it included.</summary>
    public TimeSpan PauseSince(long ticks)
    {
        lock (_acks)
        {
            var first = Math.Max(0, _acks.FindIndex(a => a.Answered >= ticks) - 1);
            var longest = TimeSpan.Zero;
            for (var i = first + 1; i < _acks.Count; i++)
            {
                var gap = Stopwatch.GetElapsedTime(_acks[i - 1].Answered, _acks[i].Answered);
                if (gap > longest) longest = gap;
            }
            return longest;
        }
    }

    /// <summary>Waits until a write is acknowledged that was sent after now.</summary>
    public async Task<bool> WritesAsync(TimeSpan limit)
    {
        var start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < limit)
        {
            lock (_acks)
            {
                if (_acks.Count > 0 && _acks[^1].Sent > start) return true;
            }
            await Task.Delay(20);
        }
        return false;
    }

    private async Task RunAsync()
    {
        NpgsqlConnection? connection = null;
        var warned = false;
        for (var id = 1L; !_over.IsCancellationRequested; id++)
        {
            var sent = Stopwatch.GetTimestamp();
            try
            {
                if (connection is null)
                {
                    connection = new NpgsqlConnection(_connectionString);
                    connection.Notice += (_, notice) => warned |= notice.Notice.Severity == "WARNING";
                    await connection.OpenAsync(_over.Token);
                }
                warned = false;
                await using var command = new NpgsqlCommand($"INSERT INTO {_table} VALUES ({id}) RETURNING current_setting('cluster_name'), ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int", connection);
                var (node, timeline) = ("", 0);
                await using (var reader = await command.ExecuteReaderAsync(_over.Token))
                {
                    while (await reader.ReadAsync(_over.Token)) (node, timeline) = (reader.GetString(0), reader.GetInt32(1));
                }
                if (!warned) lock (_acks) _acks.Add(new Ack(id, sent, Stopwatch.GetTimestamp(), node, timeline));
            }
            catch (OperationCanceledException) when (_over.IsCancellationRequested)
            {
                break;
            }
            catch (Exception e) when (e is NpgsqlException or System.Net.Sockets.SocketException or IOException or TimeoutException or InvalidOperationException)
            {
                lock (_failures) _failures.Add((Stopwatch.GetTimestamp(), e.Message));
                if (connection is not null) await connection.DisposeAsync();
                connection = null;
                if (e is not PostgresException) await Task.Yield();
            }
            var pause = _pace - Stopwatch.GetElapsedTime(sent);
            if (pause > TimeSpan.Zero) await Task.Delay(connection is null ? TimeSpan.FromMilliseconds(2) : pause);
        }
        if (connection is not null) await connection.DisposeAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await _over.CancelAsync();
        await _loop;
        _over.Dispose();
    }
}
