using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;

namespace OpsConsole.Testing;

/// <summary>A real HAProxy or PgBouncer for one test, as an unprivileged process over a directory of its own.</summary>
public sealed class TestProxy : IAsyncDisposable
{
    private readonly Process _process;
    private readonly string _directory;

    private TestProxy(Process process, string directory)
    {
        (_process, _directory) = (process, directory);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Stop();
    }

    /// <summary>Ports that were free a moment ago.</summary>
    public static int FreePort() => TestPostgres.FreePort();

    /// <param name="servers">ports on loopback: server names s0, s1, ...</param>
    public static Task<TestProxy> HaProxyAsync(int runtimePort, int httpPort, int writePort, IReadOnlyList<int> servers)
    {
        string Servers() => string.Concat(servers.Select((port, i) => string.Create(CultureInfo.InvariantCulture, $"    server s{i} 127.0.0.1:{port}\n")));
        return StartAsync("haproxy", "haproxy.cfg", $"""
            global
                stats socket ipv4@127.0.0.1:{runtimePort} level admin
            defaults
                timeout connect 2s
                timeout client 10s
                timeout server 10s
            frontend http
                mode http
                bind 127.0.0.1:{httpPort}
                default_backend shop_http
            backend shop_http
                mode http
            {Servers()}
            frontend write
                bind 127.0.0.1:{writePort}
                default_backend shop_write
            backend shop_write
            {Servers()}

            """, ["-db", "-f"], runtimePort);
    }

    public static async Task<TestProxy> PgBouncerAsync(int port, int postgresPort, string database, string adminPassword)
    {
        return await StartAsync("pgbouncer", "pgbouncer.ini", $"""
            [databases]
            {database} = host=127.0.0.1 port={postgresPort} user=postgres
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {port}
            unix_socket_dir =
            auth_type = scram-sha-256
            auth_file = users.txt
            admin_users = admin
            pool_mode = transaction
            server_login_retry = 0

            """, [], port, ("users.txt", $"\"admin\" \"{adminPassword}\"\n"));
    }

    private static async Task<TestProxy> StartAsync(string program, string file, string configuration, string[] options, int port, params (string Name, string Text)[] more)
    {
        var directory = Path.Combine(Path.GetTempPath(), $"opsconsole-{program}-{Guid.NewGuid():N}");
        Directory.CreateDirectory(directory);
        foreach (var (name, text) in more.Append((file, configuration)))
            await File.WriteAllTextAsync(Path.Combine(directory, name), text);
        if (Environment.IsPrivilegedProcess)
            await TestPostgres.RunAsync("chown", ["-R", "postgres", directory]);
        var binary = new[] { "/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin" }.Select(d => Path.Combine(d, program)).FirstOrDefault(File.Exists)
            ?? throw new InvalidOperationException($"{program} is not installed; ./test.sh installs it.");
        var (start, arguments) = TestPostgres.Prefix(Path.GetDirectoryName(binary)!, program, [.. options, Path.Combine(directory, file)]);
        var process = Process.Start(new ProcessStartInfo(start, arguments) { WorkingDirectory = directory, RedirectStandardError = true, RedirectStandardOutput = true })!;
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        var proxy = new TestProxy(process, directory);
        await ListensAsync(process, program, port);
        return proxy;
    }

    private static async Task ListensAsync(Process process, string program, int port)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        while (true)
        {
            if (process.HasExited)
                throw new InvalidOperationException($"{program} ended with {process.ExitCode}.");
            try
            {
                using var client = new TcpClient();
                await client.ConnectAsync("127.0.0.1", port, limit.Token);
                return;
            }
            catch (SocketException)
            {
                await Task.Delay(20, limit.Token); // a foreign process gives no event when it listens
            }
        }
    }

    private void Stop()
    {
        if (!_process.HasExited)
        {
            _process.Kill(entireProcessTree: true);
            _process.WaitForExit(5000);
        }
        if (Directory.Exists(_directory))
            Directory.Delete(_directory, recursive: true);
    }

    public ValueTask DisposeAsync()
    {
        Stop();
        return ValueTask.CompletedTask;
    }
}
