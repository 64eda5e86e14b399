using System.Diagnostics;

namespace OpsConsole.Sandbox.Processes;

public sealed record CommandResult(int ExitCode, string Output, string Error);

/// <summary>Programs that run to their end.</summary>
public static class Command
{
    public static async Task<CommandResult> RunAsync(
        IReadOnlyList<string> command, IReadOnlyDictionary<string, string>? environment = null, CancellationToken cancel = default)
    {
        var start = new ProcessStartInfo(command[0], command.Skip(1))
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            RedirectStandardInput = true,
            WorkingDirectory = "/",
        };
        start.Environment["LC_ALL"] = "C";
        foreach (var (name, value) in environment ?? new Dictionary<string, string>())
        {
            start.Environment[name] = value;
        }

        using var process = Process.Start(start) ?? throw new InvalidOperationException($"{command[0]} did not start.");
        process.StandardInput.Close();
        try
        {
            var output = process.StandardOutput.ReadToEndAsync(cancel);
            var error = process.StandardError.ReadToEndAsync(cancel);
            await process.WaitForExitAsync(cancel);
            return new CommandResult(process.ExitCode, await output, await error);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    /// <exception cref="Layout.SandboxException">It ended with another code than 0; carries what it printed.</exception>
    public static async Task<string> RequireAsync(
        IReadOnlyList<string> command, IReadOnlyDictionary<string, string>? environment = null, CancellationToken cancel = default)
    {
        var result = await RunAsync(command, environment, cancel);
        return result.ExitCode == 0
            ? result.Output
            : throw new Layout.SandboxException($"{string.Join(' ', command)} ended with {result.ExitCode}: {(result.Error + result.Output).Trim()}");
    }
}
