using System.Buffers;
using System.Globalization;
using Npgsql;
using OpsConsole.Sandbox.Layout;
using OpsConsole.Sandbox.Processes;

namespace OpsConsole.Sandbox.Postgres;

/// <summary>One PostgreSQL instance on loopback: its data directory, its process, its administrator. Everything that it needs
/// to start lies in its directory, so that <c>pg_ctl start</c> on its host starts it the same way.</summary>
public sealed class PostgresServer(PostgresBinaries binaries, Supervisor supervisor, string name, string data, int port, string administrator, string password)
{
    private static readonly SearchValues<char> HexDigits = SearchValues.Create("0123456789ABCDEF");
    private const string SettingsFile = "sandbox.conf";
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    public string Data => data;
    public int Port => port;
    public string Name => name;
    private string Initialised => data + ".complete";
    private RunUser User => supervisor.User;

    /// <summary>False also after a start that was interrupted before the directory was whole.</summary>
    public bool Exists => File.Exists(Initialised);

    public bool IsStandby => File.Exists(Path.Combine(data, "standby.signal"));

    /// <summary>Pid of the postmaster that serves this directory now, whoever started it; null when none does.</summary>
    public int? Postmaster
    {
        get
        {
            try
            {
                var first = File.ReadLines(Path.Combine(data, "postmaster.pid")).FirstOrDefault();
                return int.TryParse(first, NumberStyles.None, CultureInfo.InvariantCulture, out var pid) && ProcessTable.IsAlive(pid) ? pid : null;
            }
            catch (IOException)
            {
                return null; // no such file, or it went while we read it
            }
        }
    }

    public string ConnectionString(string database = "postgres") => new NpgsqlConnectionStringBuilder
    {
        Host = "127.0.0.1",
        Port = port,
        Username = administrator,
        Password = password,
        Database = database,
        Pooling = false,
        Timeout = 5,
        ApplicationName = "sandbox",
        Options = "-c synchronous_commit=local", // set-up runs before there are standbys to wait for
    }.ConnectionString;

    /// <summary>Makes an empty cluster whose administrator is a superuser. Segments of 4 MB: a promotion writes a whole one, and clients wait for it.</summary>
    public async Task InitializeAsync(CancellationToken cancel)
    {
        Remove();
        var passwordFile = data + ".password";
        User.Write(passwordFile, password);
        await supervisor.RequireAsync(
            [binaries["initdb"], "--pgdata", data, "--username", administrator, "--pwfile", passwordFile,
                "--auth", "scram-sha-256", "--encoding", "UTF8", "--no-locale", "--no-instructions",
                "--wal-segsize", "4"], null, cancel);
        File.Delete(passwordFile);
    }

    /// <summary>Copies the cluster that <paramref name="source"/> (a libpq connection string) leads to.</summary>
    public async Task CopyFromAsync(string source, string passwordFile, CancellationToken cancel)
    {
        Remove();
        User.MakeDirectory(data);
        await supervisor.RequireAsync(
            [binaries["pg_basebackup"], "--pgdata", data, "--dbname", source, "--checkpoint", "fast", "--wal-method", "stream"], passwordFile, cancel);
    }

    /// <summary>Brings a former primary onto the present one's history; false when pg_rewind cannot.</summary>
    public async Task<bool> RewindAsync(string source, string passwordFile, CancellationToken cancel) =>
        (await supervisor.RunAsync([binaries["pg_rewind"], "--target-pgdata", data, "--source-server", source], passwordFile, cancel)).ExitCode == 0;

    /// <summary>The directory is whole; later starts keep it.</summary>
    public void MarkComplete() => User.Write(Initialised, "");

    /// <summary>Writes settings and access rules anew.</summary>
    public void Configure(IEnumerable<KeyValuePair<string, string>> settings)
    {
        var main = Path.Combine(data, "postgresql.conf");
        if (!File.ReadAllText(main).Contains(SettingsFile, StringComparison.Ordinal))
        {
            File.AppendAllText(main, $"\ninclude '{SettingsFile}'\n");
        }
        User.Write(Path.Combine(data, SettingsFile), string.Concat(settings.Select(s => $"{s.Key} = {Quote(s.Value)}\n")));
        User.Write(Path.Combine(data, "pg_hba.conf"), """
            host all all 127.0.0.1/32 scram-sha-256
            host all all ::1/128 scram-sha-256
            host replication all 127.0.0.1/32 scram-sha-256
            """ + "\n");
    }

    /// <summary>Sets what ALTER SYSTEM would set, while the server is down; null takes a setting away.</summary>
    public void ConfigureAutomatic(IReadOnlyDictionary<string, string?> settings)
    {
        var path = Path.Combine(data, "postgresql.auto.conf");
        var kept = File.ReadLines(path).Where(l => !settings.Keys.Any(k => l.StartsWith(k + " ", StringComparison.Ordinal)));
        var set = settings.Where(s => s.Value is not null).Select(s => $"{s.Key} = {Quote(s.Value!)}");
        User.Write(path, string.Join('\n', kept.Concat(set)) + "\n");
    }

    public void MakeStandby() => User.Write(Path.Combine(data, "standby.signal"), "");

    /// <summary>Starts the postmaster; it answers a moment later (<see cref="WaitReadyAsync"/>).</summary>
    public void Start()
    {
        File.Delete(Path.Combine(data, "postmaster.pid")); // its process is gone: the watchdog has seen to that
        supervisor.Start(new ChildSpec($"{name}-postgres", [binaries["postgres"], "-D", data], data, StopSignal: Signal.Interrupt));
    }

    /// <exception cref="SandboxException">It did not answer in time.</exception>
    public async Task WaitReadyAsync(CancellationToken cancel)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        deadline.CancelAfter(TimeSpan.FromSeconds(60));
        while (true)
        {
            try
            {
                await using var connection = new NpgsqlConnection(ConnectionString());
                await connection.OpenAsync(deadline.Token);
                return;
            }
            catch (NpgsqlException) when (!deadline.IsCancellationRequested)
            {
                await Task.Delay(50, deadline.Token);
            }
            catch (Exception e) when (e is OperationCanceledException or NpgsqlException && !cancel.IsCancellationRequested)
            {
                throw new SandboxException($"PostgreSQL of {name} does not answer on port {port}; see its log.", e);
            }
        }
    }

    /// <summary>Stops a postmaster that is not our child (one that was started on its host), fast and then hard.</summary>
    public async Task StopAsync(CancellationToken cancel)
    {
        foreach (var signal in new[] { Signal.Interrupt, Signal.Quit, Signal.Kill })
        {
            for (var i = 0; i < 50 && Postmaster is { } pid; i++)
            {
                if (i == 0)
                {
                    Native.Kill(pid, signal);
                    Native.Kill(pid, Signal.Continue);
                }
                await Task.Delay(50, cancel);
            }
        }
    }

    public async Task ExecuteAsync(string sql, string database = "postgres", CancellationToken cancel = default)
    {
        await using var connection = new NpgsqlConnection(ConnectionString(database));
        await connection.OpenAsync(cancel);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancel);
    }

    public async Task<T?> QueryAsync<T>(string sql, string database = "postgres", CancellationToken cancel = default)
    {
        await using var connection = new NpgsqlConnection(ConnectionString(database));
        await connection.OpenAsync(cancel);
        await using var command = new NpgsqlCommand(sql, connection);
        var value = await command.ExecuteScalarAsync(cancel);
        return value is null or DBNull ? default : (T)value;
    }

    /// <summary>The newest timeline in the directory. The control file alone may lag: it learns of a promotion at the next checkpoint.</summary>
    public int Timeline()
    {
        var names = Directory.GetFiles(Path.Combine(data, "pg_wal")).Select(Path.GetFileName)
            .Where(n => n!.Length >= 8 && n.AsSpan(0, 8).IndexOfAnyExcept(HexDigits) < 0);
        return names.Select(n => int.Parse(n.AsSpan(0, 8), NumberStyles.HexNumber, CultureInfo.InvariantCulture)).DefaultIfEmpty(0).Max();
    }

    private void Remove()
    {
        File.Delete(Initialised);
        if (Directory.Exists(data))
        {
            Directory.Delete(data, recursive: true);
        }
        if (!User.Switches)
        {
            Directory.CreateDirectory(data, OwnerOnly);
        }
    }

    private static string Quote(string value) => $"'{value.Replace("'", "''", StringComparison.Ordinal)}'";
}
