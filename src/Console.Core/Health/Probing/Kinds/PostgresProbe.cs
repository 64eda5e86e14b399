using Npgsql;
using OpsConsole.Core.Health.Probing.Net;

namespace OpsConsole.Core.Health.Probing.Kinds;

/// <summary>PostgreSQL: connect as a client would (always a new connection), one query, and at most each 5 s the statistics:
/// connections and their share of the limit, size, transactions/s, statements running longer than 5 s. Response time: connection,
/// authentication and query. Without a user name it only asks whether the server would talk (SSLRequest).</summary>
internal sealed class PostgresProbe : IProbe
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
    private readonly string? _connectionString;
    private readonly Names _names;
    private readonly TimeProvider _time;
    private (long At, long Transactions)? _last;

    public PostgresProbe(ProbeSpec spec, Names names, TimeProvider time)
    {
        _names = names;
        _time = time;
        _target = TcpTarget.Parse(spec.Target, 5432);
        var seconds = Math.Max(1, (int)Math.Ceiling(spec.Timeout.TotalSeconds));
        _connectionString = spec.Options.Username.Length == 0 ? null : new NpgsqlConnectionStringBuilder
        {
            Host = _target.Host,
            Port = _target.Port,
            Username = spec.Options.Username,
            Password = spec.Options.Password,
            Database = spec.Options.Database.Length > 0 ? spec.Options.Database : "postgres",
            Pooling = false,
            Timeout = seconds,
            CommandTimeout = seconds,
            ApplicationName = "opsconsole-probe",
        }.ConnectionString;
    }

    public ValueTask<ProbeResult> RunAsync(CancellationToken timeout) => _connectionString is null ? AskAsync(timeout) : QueryAsync(timeout);

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

    private async ValueTask<ProbeResult> QueryAsync(CancellationToken timeout)
    {
        var began = _time.GetTimestamp();
        await using var connection = new NpgsqlConnection(_connectionString);
        await connection.OpenAsync(timeout);
        var asked = _time.GetTimestamp();
        await using (var ping = new NpgsqlCommand("SELECT 1", connection))
            await ping.ExecuteScalarAsync(timeout);
        var query = _time.GetElapsedTime(asked);
        var micros = ProbeResult.Micros(_time.GetElapsedTime(began));
        if (_last is { } last && _time.GetElapsedTime(last.At) < StatisticsEvery)
            return new ProbeResult(ProbeOutcome.Success, micros);
        return new ProbeResult(ProbeOutcome.Success, micros, 0, null, await GaugesAsync(connection, query, timeout));
    }

    private async Task<List<KeyValuePair<string, double>>> GaugesAsync(NpgsqlConnection connection, TimeSpan query, CancellationToken timeout)
    {
        await using var command = new NpgsqlCommand(Statistics, connection);
        await using var row = await command.ExecuteReaderAsync(timeout);
        await row.ReadAsync(timeout);
        var connections = row.GetInt64(0);
        var gauges = new List<KeyValuePair<string, double>>
        {
            new(GaugeNames.QueryMs, Math.Round(query.TotalMilliseconds, 2)),
            new(GaugeNames.Connections, connections),
            new(GaugeNames.ConnectionsPercent, Math.Round(connections * 100.0 / row.GetInt32(1), 1)),
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
