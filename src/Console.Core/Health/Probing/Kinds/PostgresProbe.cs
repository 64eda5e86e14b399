using Npgsql;
using OpsConsole.Core.Health.Probing.Net;

namespace OpsConsole.Core.Health.Probing.Kinds;

/// <summary>PostgreSQL: one query on a kept connection, which is replaced by a new one each 10 s (so that a server that takes no new
/// clients is noticed), and at most each 5 s the statistics: connections and their share of the limit, size, transactions/s, statements
/// running longer than 5 s. Response time: the query. Without a user name it only asks whether the server would talk (SSLRequest).</summary>
internal sealed class PostgresProbe : IProbe, IDisposable
{
    private static readonly TimeSpan StatisticsEvery = TimeSpan.FromSeconds(5);
    private static readonly byte[] SslRequest = [0, 0, 0, 8, 4, 210, 22, 47];

    private const string Statistics = """
        SELECT (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),
               current_setting('max_connections')::int,
               pg_database_size(current_database()),
               (SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE datname = current_database()),
               (SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND backend_type = 'client backend' AND now() - query_start > interval '5 s')
        """;

    private readonly TcpTarget _target;
    private readonly KeptConnection? _connection;
    private readonly Names _names;
    private readonly TimeProvider _time;
    private (long At, long Transactions)? _last;

    public PostgresProbe(ProbeSpec spec, Names names, TimeProvider time)
    {
        _names = names;
        _time = time;
        _target = TcpTarget.Parse(spec.Target, 5432);
        _connection = spec.Options.Username.Length == 0 ? null : new KeptConnection(_target, spec, time);
    }

    public ValueTask<ProbeResult> RunAsync(CancellationToken timeout) => _connection is null ? AskAsync(timeout) : QueryAsync(_connection, timeout);

    public void Dispose() => _connection?.Dispose();

    private async ValueTask<ProbeResult> AskAsync(CancellationToken timeout)
    {
        var began = _time.GetTimestamp();
        using var socket = await _target.ConnectAsync(_names, timeout);
        await socket.SendAsync(SslRequest, timeout);
        var answer = new byte[1];
        var read = await socket.ReceiveAsync(answer, timeout);
        var micros = ProbeResult.Micros(_time.GetElapsedTime(began));
        return read == 1 && answer[0] is (byte)'S' or (byte)'N'
            ? new ProbeResult(ProbeOutcome.Success, micros)
            : new ProbeResult(ProbeOutcome.Failure, micros, 0, "not a PostgreSQL answer");
    }

    private async ValueTask<ProbeResult> QueryAsync(KeptConnection connections, CancellationToken timeout)
    {
        var (connection, isNew) = await connections.GetAsync(timeout);
        TimeSpan query;
        try
        {
            query = await PingAsync(connection, timeout);
        }
        catch (NpgsqlException) when (!isNew && !timeout.IsCancellationRequested)
        {
            // The server may only have ended this session: a new client decides.
            connections.Drop();
            (connection, _) = await connections.GetAsync(timeout);
            query = await PingAsync(connection, timeout);
        }
        catch
        {
            connections.Drop();
            throw;
        }
        var micros = ProbeResult.Micros(query);
        if (_last is { } last && _time.GetElapsedTime(last.At) < StatisticsEvery)
            return new ProbeResult(ProbeOutcome.Success, micros);
        return new ProbeResult(ProbeOutcome.Success, micros, 0, null, await GaugesAsync(connections, connection, query, timeout));
    }

    private async Task<TimeSpan> PingAsync(NpgsqlConnection connection, CancellationToken timeout)
    {
        var asked = _time.GetTimestamp();
        await using var ping = new NpgsqlCommand("SELECT 1", connection);
        await ping.ExecuteScalarAsync(timeout);
        return _time.GetElapsedTime(asked);
    }

    private async Task<List<KeyValuePair<string, double>>> GaugesAsync(KeptConnection connections, NpgsqlConnection connection, TimeSpan query, CancellationToken timeout)
    {
        await using var command = new NpgsqlCommand(Statistics, connection);
        await using var row = await command.ExecuteReaderAsync(timeout);
        await row.ReadAsync(timeout);
        var used = row.GetInt64(0);
        var gauges = new List<KeyValuePair<string, double>>
        {
            new(GaugeNames.ConnectMs, Math.Round(connections.ConnectTook.TotalMilliseconds, 2)),
            new(GaugeNames.QueryMs, Math.Round(query.TotalMilliseconds, 2)),
            new(GaugeNames.Connections, used),
            new(GaugeNames.ConnectionsPercent, Math.Round(used * 100.0 / row.GetInt32(1), 1)),
            new(GaugeNames.SizeBytes, row.GetInt64(2)),
            new(GaugeNames.SlowQueries, row.GetInt64(4)),
        };
        var (now, transactions) = (_time.GetTimestamp(), row.GetInt64(3));
        if (_last is { } last && transactions >= last.Transactions)
            gauges.Add(new(GaugeNames.Throughput, (transactions - last.Transactions) / _time.GetElapsedTime(last.At, now).TotalSeconds));
        _last = (now, transactions);
        return gauges;
    }
}
