using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using Npgsql;

namespace OpsConsole.Testing;

/// <summary>A private PostgreSQL for one test process: made in a temporary directory, ended with the process. Never skips:
/// a missing part throws and fails the test.</summary>
public sealed class TestPostgres : IAsyncDisposable
{
    private static readonly Lazy<Task<TestPostgres>> SharedInstance = new(StartAsync);
    private readonly string _directory;
    private readonly Process _postmaster;

    private TestPostgres(string directory, int port, Process postmaster)
    {
        (_directory, Port, _postmaster) = (directory, port, postmaster);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Stop();
    }

    public static Task<TestPostgres> SharedAsync() => SharedInstance.Value;

    public int Port { get; }

    public string ConnectionString(string database = "postgres", string user = "postgres") =>
        $"Host=127.0.0.1;Port={Port};Database={database};Username={user};Include Error Detail=true;Maximum Pool Size=20";

    private static async Task<TestPostgres> StartAsync()
    {
        var bin = BinDirectory();
        var directory = Path.Combine(Path.GetTempPath(), $"opsconsole-test-{Environment.ProcessId}-{Guid.NewGuid():N}"[..48]);
        Directory.CreateDirectory(directory);
        var data = Path.Combine(directory, "data");
        Directory.CreateDirectory(data);
        if (Environment.IsPrivilegedProcess)
        {
            await RunAsync("chown", ["-R", "postgres", directory]);
        }
        await RunAsync(Prefix(bin, "initdb", ["-D", data, "-U", "postgres", "-A", "trust", "-N", "-E", "UTF8", "--no-locale"]));
        var port = FreePort();
        var command = Prefix(bin, "postgres", ["-D", data, "-p", $"{port}", "-h", "127.0.0.1", "-k", directory,
            "-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "max_connections=200", "-c", "wal_level=logical"]);
        var postmaster = Process.Start(new ProcessStartInfo(command.File, command.Arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        var ready = new TaskCompletionSource();
        var log = new Queue<string>();
        postmaster.ErrorDataReceived += (_, line) =>
        {
            if (line.Data is null) { ready.TrySetException(new InvalidOperationException("PostgreSQL ended: " + string.Join('\n', log))); return; }
            lock (log)
            {
                log.Enqueue(line.Data);
                if (log.Count > 50) log.Dequeue();
            }
            if (line.Data.Contains("ready to accept connections", StringComparison.Ordinal)) ready.TrySetResult();
        };
        postmaster.BeginErrorReadLine();
        postmaster.BeginOutputReadLine();
        await ready.Task.WaitAsync(TimeSpan.FromSeconds(60));
        return new TestPostgres(directory, port, postmaster);
    }

    public async Task ExecuteAsync(string sql, string database = "postgres")
    {
        await using var connection = new NpgsqlConnection(ConnectionString(database));
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    private void Stop()
    {
        if (!_postmaster.HasExited)
        {
            // SIGQUIT: immediate shutdown, the postmaster ends its children.
            using var kill = Process.Start("kill", ["-QUIT", $"{_postmaster.Id}"]);
            kill.WaitForExit();
            _postmaster.WaitForExit(5000);
        }
        if (Directory.Exists(_directory)) Directory.Delete(_directory, recursive: true);
    }

    public ValueTask DisposeAsync()
    {
        Stop();
        return ValueTask.CompletedTask;
    }

    public static string BinDirectory() => Directory.Exists("/usr/lib/postgresql")
        ? Directory.GetDirectories("/usr/lib/postgresql").OrderByDescending(d => int.Parse(Path.GetFileName(d), System.Globalization.CultureInfo.InvariantCulture)).Select(d => Path.Combine(d, "bin")).First(d => File.Exists(Path.Combine(d, "postgres")))
        : throw new InvalidOperationException("PostgreSQL 15 or newer is not installed; ./test.sh installs it.");

    internal static (string File, string[] Arguments) Prefix(string bin, string program, string[] arguments) => Environment.IsPrivilegedProcess
        ? ("setpriv", ["--reuid=postgres", "--regid=postgres", "--clear-groups", "--", Path.Combine(bin, program), .. arguments])
        : (Path.Combine(bin, program), arguments);

    internal static Task RunAsync((string File, string[] Arguments) command) => RunAsync(command.File, command.Arguments);

    internal static async Task RunAsync(string file, string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(file, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEndAsync();
        var error = await process.StandardError.ReadToEndAsync();
        await process.WaitForExitAsync();
        if (process.ExitCode != 0) throw new InvalidOperationException($"{file} {string.Join(' ', arguments)}: {error}{await output}");
    }

    public static int FreePort()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }
}
