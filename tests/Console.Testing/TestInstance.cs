using System.Diagnostics;
using Npgsql;

namespace OpsConsole.Testing;

/// <summary>A server on a data directory that something else has filled: a restored one. Ended when disposed; the directory stays its owner's.</summary>
public sealed class TestInstance : IAsyncDisposable
{
    private readonly Process _postmaster;
    private readonly List<string> _log = [];
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private TestInstance(string data, int port, string[] settings)
    {
        Port = port;
        var (file, arguments) = TestPostgres.Prefix(TestPostgres.BinDirectory(), "postgres", ["-D", data, "-p", $"{port}", "-h", "127.0.0.1", "-k", data, "-c", "fsync=off", "-c", "max_connections=200", .. settings.SelectMany(s => new[] { "-c", s })]);
        _postmaster = Process.Start(new ProcessStartInfo(file, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        _postmaster.ErrorDataReceived += (_, line) => Heard(line.Data);
        _postmaster.BeginErrorReadLine();
        _postmaster.BeginOutputReadLine();
    }

    public int Port { get; }

    public string Log => string.Join('\n', _log);

    private void Heard(string? line)
    {
        if (line is null) _ready.TrySetException(new InvalidOperationException("PostgreSQL ended: " + Log));
        else
        {
            lock (_log) _log.Add(line);
            if (line.Contains("database system is ready to accept connections", StringComparison.Ordinal)) _ready.TrySetResult();
        }
    }

    /// <summary>A new data directory whose superuser is <c>postgres</c>, without a password.</summary>
    public static async Task InitAsync(string data)
    {
        Directory.CreateDirectory(data);
        if (Environment.IsPrivilegedProcess) await TestPostgres.RunAsync("chown", ["postgres", data, Path.GetDirectoryName(data)!]);
        await TestPostgres.RunAsync(TestPostgres.Prefix(TestPostgres.BinDirectory(), "initdb", ["-D", data, "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8", "--no-locale"]));
    }

    /// <summary>Starts, and waits until recovery has ended.</summary>
    /// <exception cref="InvalidOperationException">it ended instead; carries its log</exception>
    public static async Task<TestInstance> StartAsync(string data, params string[] settings)
    {
        if (Environment.IsPrivilegedProcess) await TestPostgres.RunAsync("chown", ["-R", "postgres", data]);
        var instance = new TestInstance(data, TestPostgres.FreePort(), settings);
        try
        {
            await instance._ready.Task.WaitAsync(TimeSpan.FromSeconds(60));
            return instance;
        }
        catch
        {
            await instance.DisposeAsync();
            throw;
        }
    }

    public string ConnectionString(string database = "postgres") => $"Host=127.0.0.1;Port={Port};Database={database};Username=postgres;Pooling=false";

    public async Task<T> ScalarAsync<T>(string sql, string database = "postgres")
    {
        await using var connection = new NpgsqlConnection(ConnectionString(database));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return (T)(await command.ExecuteScalarAsync())!;
    }

    public async ValueTask DisposeAsync()
    {
        if (!_postmaster.HasExited)
        {
            using var kill = Process.Start("kill", ["-QUIT", $"{_postmaster.Id}"]);
            await kill.WaitForExitAsync();
            await _postmaster.WaitForExitAsync();
        }
        _postmaster.Dispose();
    }
}
