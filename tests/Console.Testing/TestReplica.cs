using System.Diagnostics;
using System.Globalization;
using Npgsql;

namespace OpsConsole.Testing;

/// <summary>A streaming standby of the test process's PostgreSQL, with a slot of its own. Ended and deleted when disposed.</summary>
public sealed class TestReplica : IAsyncDisposable
{
    private readonly TestPostgres _primary;
    private readonly string _directory;
    private Process? _postmaster;

    private TestReplica(TestPostgres primary, string directory, string name, int port)
    {
        (_primary, _directory, Name, Port) = (primary, directory, name, port);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => CrashAsync().GetAwaiter().GetResult();
    }

    /// <summary>application_name of its WAL receiver and name of its slot.</summary>
    public string Name { get; }
    public int Port { get; }

    public static async Task<TestReplica> CreateAsync(TestPostgres primary)
    {
        var name = string.Create(CultureInfo.InvariantCulture, $"r{Guid.NewGuid():N}")[..16];
        var directory = Path.Combine(Path.GetTempPath(), $"opsconsole-replica-{name}");
        Directory.CreateDirectory(directory);
        if (Environment.IsPrivilegedProcess)
            await TestPostgres.RunAsync("chown", ["postgres", directory]);
        await TestPostgres.RunAsync(TestPostgres.Prefix(TestPostgres.BinDirectory(), "pg_basebackup",
            ["-D", Path.Combine(directory, "data"), "-d", $"host=127.0.0.1 port={primary.Port} user=postgres application_name={name}", "-R", "-X", "stream", "-C", "-S", name, "-c", "fast"]));
        var replica = new TestReplica(primary, directory, name, TestPostgres.FreePort());
        await replica.StartAsync();
        return replica;
    }

    public async Task StartAsync()
    {
        var command = TestPostgres.Prefix(TestPostgres.BinDirectory(), "postgres",
            ["-D", Path.Combine(_directory, "data"), "-p", $"{Port}", "-h", "127.0.0.1", "-k", _directory, "-c", "fsync=off", "-c", "max_connections=200", "-c", "wal_receiver_status_interval=1", "-c", "wal_retrieve_retry_interval=200ms", "-c", "cluster_name=" + Name]);
        var ready = new TaskCompletionSource();
        _postmaster = Process.Start(new ProcessStartInfo(command.File, command.Arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        _postmaster.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is null)
                ready.TrySetException(new InvalidOperationException("The standby ended."));
            else if (line.Data.Contains("ready to accept read-only connections", StringComparison.Ordinal))
                ready.TrySetResult();
        };
        _postmaster.BeginErrorReadLine();
        _postmaster.BeginOutputReadLine();
        await ready.Task.WaitAsync(TimeSpan.FromSeconds(60));
        await StreamsAsync();
    }

    /// <summary>Reading is possible before the stream is there: the next test shall find both.</summary>
    private async Task StreamsAsync()
    {
        await using var connection = new NpgsqlConnection($"Host=127.0.0.1;Port={Port};Username=postgres;Database=postgres;Pooling=false");
        await connection.OpenAsync();
        await using var receiver = new NpgsqlCommand("SELECT EXISTS (SELECT FROM pg_stat_wal_receiver WHERE status = 'streaming' AND last_msg_receipt_time IS NOT NULL)", connection);
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (!(bool)(await receiver.ExecuteScalarAsync(deadline.Token))!) await Task.Delay(50, deadline.Token);
    }

    /// <summary>Ends it at once, as a crash would.</summary>
    public async Task CrashAsync()
    {
        if (_postmaster is not { HasExited: false } postmaster)
            return;
        using var kill = Process.Start("kill", ["-QUIT", $"{postmaster.Id}"]);
        await kill.WaitForExitAsync();
        await postmaster.WaitForExitAsync();
    }

    public async ValueTask DisposeAsync()
    {
        await CrashAsync();
        await _primary.ExecuteAsync($"SELECT pg_terminate_backend(active_pid) FROM pg_replication_slots WHERE slot_name = '{Name}' AND active");
        await _primary.ExecuteAsync($"SELECT pg_drop_replication_slot('{Name}')");
        Directory.Delete(_directory, recursive: true);
    }
}
