using Npgsql;
using OpsConsole.Core.Health.Probing.Net;

namespace OpsConsole.Core.Health.Probing.Kinds;

/// <summary>A probe's connection to PostgreSQL, renewed now and then. Making one takes five or six round trips: that goes on beside the
/// probes, so that a far server is not taken for a dead one because a connection takes longer than the probe's time-out.</summary>
internal sealed class KeptConnection : IDisposable
{
    private static readonly TimeSpan RenewEvery = TimeSpan.FromSeconds(10);

    private readonly TimeProvider _time;
    private readonly string _connectionString;
    private NpgsqlConnection? _kept;
    private long _keptSince;
    private Task<NpgsqlConnection>? _connecting;
    private bool _disposed;

    public KeptConnection(TcpTarget target, ProbeSpec spec, TimeProvider time)
    {
        _time = time;
        var patience = Math.Clamp(3 * spec.Timeout.TotalSeconds, 2, 15);
        _connectionString = new NpgsqlConnectionStringBuilder
        {
            Host = target.Host,
            Port = target.Port,
            Username = spec.Options.Username,
            Password = spec.Options.Password,
            Database = spec.Options.Database.Length > 0 ? spec.Options.Database : "postgres",
            Pooling = false,
            Timeout = (int)Math.Ceiling(patience),
            CommandTimeout = 0,
            // A cancelled query must not wait for a server that hangs.
            CancellationTimeout = -1,
            ApplicationName = "opsconsole-probe",
        }.ConnectionString;
    }

    /// <summary>How long the last connection took to make.</summary>
    public TimeSpan ConnectTook { get; private set; }

    /// <exception cref="OperationCanceledException">none stands yet; the attempt goes on for the next run</exception>
    public async ValueTask<(NpgsqlConnection Connection, bool IsNew)> GetAsync(CancellationToken timeout)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (_kept is not null && _time.GetElapsedTime(_keptSince) < RenewEvery)
            return (_kept, false);
        _connecting ??= ConnectAsync();
        if (_kept is not null && !_connecting.IsCompleted)
            return (_kept, false);
        NpgsqlConnection made;
        try
        {
            made = await _connecting.WaitAsync(timeout);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // The server takes no new clients: that counts, even if the kept connection still works.
            _connecting = null;
            throw;
        }
        _connecting = null;
        _kept?.Dispose();
        (_kept, _keptSince) = (made, _time.GetTimestamp());
        return (made, true);
    }

    public void Drop()
    {
        _kept?.Dispose();
        _kept = null;
    }

    public void Dispose()
    {
        _disposed = true;
        Drop();
        _connecting?.ContinueWith(made => made.Result.Dispose(), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion, TaskScheduler.Default);
    }

    private async Task<NpgsqlConnection> ConnectAsync()
    {
        var began = _time.GetTimestamp();
        var connection = new NpgsqlConnection(_connectionString);
        try
        {
            await connection.OpenAsync(CancellationToken.None);
            ConnectTook = _time.GetElapsedTime(began);
            return connection;
        }
        catch
        {
            connection.Dispose();
            throw;
        }
    }
}
