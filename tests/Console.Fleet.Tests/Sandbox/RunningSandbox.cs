using System.Diagnostics;
using System.Text.Json.Nodes;
using Npgsql;
using OpsConsole.Sandbox.Layout;
using OpsConsole.Sandbox.Processes;

namespace OpsConsole.Fleet.Tests.Sandbox;

/// <summary>The sandbox as a person starts it: a process of its own.</summary>
public sealed class RunningSandbox : IAsyncDisposable
{
    private readonly Process _process;
    private readonly List<string> _output = [];
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private RunningSandbox(string directory, int portBase, Process process)
    {
        Directory = directory;
        PortBase = portBase;
        _process = process;
        process.OutputDataReceived += (_, line) => Heard(line.Data);
        process.ErrorDataReceived += (_, line) => Heard(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    public string Directory { get; }
    public int PortBase { get; }
    public int Id => _process.Id;

    public string Output
    {
        get
        {
            lock (_output)
            {
                return string.Join('\n', _output);
            }
        }
    }

    public static async Task<RunningSandbox> StartAsync(string directory, int portBase)
    {
        var sandbox = Launch(directory, portBase);
        var ended = sandbox._process.WaitForExitAsync();
        if (await Task.WhenAny(sandbox._ready.Task, ended).WaitAsync(TimeSpan.FromMinutes(2)) == ended)
        {
            throw new InvalidOperationException($"The sandbox ended with {sandbox._process.ExitCode}:\n{sandbox.Output}");
        }
        return sandbox;
    }

    public static RunningSandbox Launch(string directory, int portBase)
    {
        var start = new ProcessStartInfo("dotnet",
            [Path.Combine(AppContext.BaseDirectory, "OpsConsole.Sandbox.dll"), "--dir", directory, "--port-base", $"{portBase}", "--consoles", "0", "--set", "Sandbox:Latency=off", "--set", "Sandbox:CustomersPerSecond=5"])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
        };
        return new RunningSandbox(directory, portBase, Process.Start(start)!);
    }

    public JsonNode Endpoints => JsonNode.Parse(File.ReadAllText(Path.Combine(Directory, "endpoints.json")))!;

    public int? Postmaster(string region) => (int?)Endpoints["regions"]![region]!["postmasterPid"];

    public async Task SignalAsync(string signal) => await Command.RequireAsync(["kill", $"-{signal}", $"{Id}"]);

    public async Task<int> EndedAsync()
    {
        await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
        return _process.ExitCode;
    }

    /// <summary>Command lines of processes that belong to this directory, other than the watchdog's shell.</summary>
    public async Task<string> LeftoversAsync() =>
        (await Command.RunAsync(["sh", "-c", $"pgrep -af {Directory}/ | grep -v 'grep\\|sh -c'; find /proc -maxdepth 2 -name cwd -lname '{Directory}/*' 2>/dev/null"])).Output;

    /// <summary>A statement as the orders application, through the write endpoint.</summary>
    public async Task<object?> WriteAsync(string sql) => await QueryAsync((string)Endpoints["writeEndpoint"]!, sql);

    public async Task<object?> QueryRegionAsync(string region, string sql) => await QueryAsync((string)Endpoints["regions"]![region]!["database"]!, sql);

    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            await SignalAsync("TERM");
            await EndedAsync();
        }
        _process.Dispose();
    }

    private static async Task<object?> QueryAsync(string uri, string sql)
    {
        var parts = new Uri(uri);
        var user = parts.UserInfo.Split(':');
        await using var connection = new NpgsqlConnection(
            $"Host={parts.Host};Port={parts.Port};Username={user[0]};Password={user[1]};Database={parts.AbsolutePath[1..]};Pooling=false;Timeout=10;Command Timeout=10");
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        return await command.ExecuteScalarAsync();
    }

    private void Heard(string? line)
    {
        if (line is null)
        {
            return;
        }
        lock (_output)
        {
            _output.Add(line);
        }
        if (line.Contains("is ready", StringComparison.Ordinal))
        {
            _ready.TrySetResult();
        }
    }
}
