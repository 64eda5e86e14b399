using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Npgsql;

namespace OpsConsole.Testing.Failover;

/// <summary>The embedded fleet with its consoles, started as a person starts it, in a directory of its own; known by the files that it writes.</summary>
public sealed class FleetUnderTest : IAsyncDisposable
{
    private readonly Process _process;
    private readonly string _directory;
    private readonly int _portBase;
    private readonly Queue<string> _said = [];
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private FleetUnderTest(Process process, string directory, int portBase)
    {
        (_process, _directory, _portBase) = (process, directory, portBase);
        process.OutputDataReceived += (_, line) => Hear(line.Data);
        process.ErrorDataReceived += (_, line) => Hear(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public static async Task<FleetUnderTest> StartAsync(int portBase, int consoles, IEnumerable<string> settings)
    {
        var directory = Directory.CreateTempSubdirectory("opsconsole-bench-fleet-").FullName;
        List<string> arguments = [Binary(), "--dir", directory, "--port-base", portBase.ToString(CultureInfo.InvariantCulture), "--consoles", consoles.ToString(CultureInfo.InvariantCulture)];
        foreach (var setting in settings) arguments.AddRange(["--set", setting]);
        var process = Process.Start(new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true, RedirectStandardError = true, RedirectStandardInput = true })!;
        var fleet = new FleetUnderTest(process, directory, portBase);
        var ended = process.WaitForExitAsync();
        if (await Task.WhenAny(fleet._ready.Task, ended, Task.Delay(TimeSpan.FromMinutes(3))) == fleet._ready.Task) return fleet;
        await fleet.DisposeAsync();
        throw new InvalidOperationException($"The fleet did not start:\n{string.Join('\n', fleet._said)}");
    }

    public string Root => _directory;
    public int PortBase => _portBase;
    public JsonNode Endpoints => JsonNode.Parse(File.ReadAllText(Path.Combine(_directory, "endpoints.json")))!;
    public JsonArray Credentials => JsonNode.Parse(File.ReadAllText(Path.Combine(_directory, "credentials.json")))!.AsArray();
    public IReadOnlyList<string> Regions => [.. Endpoints["regions"]!.AsObject().Select(r => r.Key)];
    public IReadOnlyList<string> Consoles => [.. Endpoints["consoles"]!.AsArray().Select(c => (string)c!)];
    public IReadOnlyList<int> ConsolePids => [.. Endpoints["consolePids"]!.AsArray().Select(p => (int)p!)];

    /// <summary>What applications use: through PgBouncer and HAProxy.</summary>
    public string WriteEndpoint => Connection(new Uri((string)Endpoints["writeEndpoint"]!).Port, "orders", "postgres-orders");

    /// <summary>As an application that goes round the pooler: HAProxy's write port.</summary>
    public string WriteProxy => Connection(_portBase + 13, "orders", "postgres-orders");

    public string NetworkApi => (string)Endpoints["networkApi"]!;

    /// <summary>As the database's administrator, straight to a region's node.</summary>
    public string Node(string region) => Connection(new Uri((string)Endpoints["regions"]![region]!["database"]!).Port, "opsconsole", "postgres-operator");

    /// <summary>The node itself, round every proxy, as an application.</summary>
    public string NodeAsApplication(string region) => Connection(new Uri((string)Endpoints["regions"]![region]!["database"]!).Port, "orders", "postgres-orders");

    public string ConsoleLog(int number) => Path.Combine(_directory, "logs", $"console-{number}.log");

    /// <summary>The region whose node is writable and is followed by most standbys; null while there is none.</summary>
    public async Task<(string? Primary, int Standbys)> PrimaryAsync()
    {
        // Backups receive the log, too: only nodes of the cluster count.
        var names = string.Join(", ", Regions.Select(r => $"'{r.Replace('-', '_')}'"));
        var seen = await Task.WhenAll(Regions.Select(async region => (Region: region, Standbys: await AskAsync(region,
            $"SELECT CASE WHEN pg_is_in_recovery() THEN -1 ELSE (SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND application_name IN ({names})) END"))));
        var best = seen.Where(s => s.Standbys is >= 0).OrderByDescending(s => s.Standbys).FirstOrDefault();
        return (best.Region, (int)(best.Standbys ?? -1));
    }

    /// <summary>A number from a region's node; null when it does not answer within a second.</summary>
    public async Task<long?> AskAsync(string region, string sql)
    {
        try
        {
            using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(1));
            return await Task.Run(async () =>
            {
                await using var connection = new NpgsqlConnection(Node(region));
                await connection.OpenAsync(limit.Token);
                await using var command = new NpgsqlCommand(sql, connection);
                return Convert.ToInt64(await command.ExecuteScalarAsync(limit.Token), CultureInfo.InvariantCulture);
            }, limit.Token).WaitAsync(limit.Token);
        }
        catch (Exception e) when (e is NpgsqlException or OperationCanceledException or TimeoutException or IOException or System.Net.Sockets.SocketException)
        {
            return null;
        }
    }

    /// <summary>To the postmaster and all its children.</summary>
    public static Task SignalAsync(int postmaster, string signal) => ShellAsync($"kill -{signal} {postmaster} $(pgrep -P {postmaster})");

    public int Postmaster(string region) => (int?)Endpoints["regions"]![region]!["postmasterPid"] ?? throw new InvalidOperationException($"{region} has no postmaster.");

    public static async Task ShellAsync(string command)
    {
        using var process = Process.Start("sh", ["-c", command]);
        await process.WaitForExitAsync();
    }

    private void Hear(string? line)
    {
        if (line is null) return;
        lock (_said)
        {
            _said.Enqueue(line);
            if (_said.Count > 60) _said.Dequeue();
        }
        if (line.Contains("is ready", StringComparison.Ordinal)) _ready.TrySetResult();
    }

    private string Connection(int port, string user, string secret) => new NpgsqlConnectionStringBuilder
    {
        Host = "127.0.0.1", Port = port, Database = "orders", Username = user, Password = File.ReadAllText(Path.Combine(_directory, "secrets", secret)).Trim(),
        Pooling = false, Timeout = 5, CommandTimeout = 60, NoResetOnClose = true, MaxAutoPrepare = 0, Enlist = false, CancellationTimeout = -1,
    }.ConnectionString;

    private static string Binary()
    {
        var here = new DirectoryInfo(AppContext.BaseDirectory);
        var root = here;
        while (root is not null && !File.Exists(Path.Combine(root.FullName, "OpsConsole.sln"))) root = root.Parent;
        var binary = Path.Combine(root!.FullName, "src/Console.Sandbox/bin", here.Parent!.Name, here.Name, "OpsConsole.Sandbox.dll");
        return File.Exists(binary) ? binary : throw new InvalidOperationException("Build first: dotnet build OpsConsole.sln -c Release");
    }

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            await ShellAsync($"kill -TERM {_process.Id}");
            await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
        }
        _process.Dispose();
        if (Environment.GetEnvironmentVariable("OPSCONSOLE_BENCH_KEEP") is null) Directory.Delete(_directory, recursive: true);
    }
}
