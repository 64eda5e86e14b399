using System.Diagnostics;
using System.Text.Json.Nodes;

namespace OpsConsole.Testing;

/// <summary>A real server from npm that a test talks to, restored on first use. Speaks lines of JSON on stdout; ends with its stdin.</summary>
public sealed class NodeProgram : IAsyncDisposable
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    private static readonly Lazy<Task> Restored = new(RestoreAsync);
    private readonly Process _process;

    private NodeProgram(Process process) => _process = process;

    private static string Folder => Path.Combine(AppContext.BaseDirectory, "Node");

    public static async Task<NodeProgram> StartAsync(string script)
    {
        await Restored.Value;
        return new NodeProgram(Process.Start(new ProcessStartInfo("node", script) { WorkingDirectory = Folder, RedirectStandardInput = true, RedirectStandardOutput = true })!);
    }

    public async Task<JsonObject> ReadAsync()
    {
        using var limit = new CancellationTokenSource(Patience);
        var line = await _process.StandardOutput.ReadLineAsync(limit.Token) ?? throw new InvalidOperationException("The program has ended.");
        return JsonNode.Parse(line)!.AsObject();
    }

    /// <summary>Sends a line and waits for the answer to it.</summary>
    public async Task TellAsync(string line)
    {
        await _process.StandardInput.WriteLineAsync(line);
        await _process.StandardInput.FlushAsync();
        await ReadAsync();
    }

    private static async Task RestoreAsync()
    {
        var stamp = Path.Combine(Folder, "node_modules", ".restored");
        var wanted = await File.ReadAllTextAsync(Path.Combine(Folder, "package-lock.json"));
        bool Done() => File.Exists(stamp) && File.ReadAllText(stamp) == wanted;
        if (Done()) return;
        // Test processes of one folder restore one after another.
        await using var turn = await TurnAsync(Path.Combine(Folder, "restore.lock"));
        if (Done()) return;
        using var npm = Process.Start(new ProcessStartInfo("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]) { WorkingDirectory = Folder })!;
        await npm.WaitForExitAsync();
        if (npm.ExitCode != 0) throw new InvalidOperationException($"npm ci failed with {npm.ExitCode} in {Folder}.");
        await File.WriteAllTextAsync(stamp, wanted);
    }

    private static async Task<FileStream> TurnAsync(string path)
    {
        while (true)
        {
            try
            {
                return new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            }
            catch (IOException)
            {
                await Task.Delay(200);
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        _process.StandardInput.Close();
        await _process.WaitForExitAsync();
        _process.Dispose();
    }
}
