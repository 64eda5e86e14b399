using System.Diagnostics;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Drivers.Hosts;

/// <summary>Commands on the console's own host, by <c>/bin/sh</c>.</summary>
internal static class LocalHost
{
    public static async Task<(int Exit, string Output, string Error)> RunAsync(string line, Func<Stream, CancellationToken, Task>? input, CancellationToken cancel)
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", line]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        try
        {
            // A daemon that the command starts may hold the pipes open: what counts is the shell's end.
            var output = process.StandardOutput.ReadToEndAsync(cancel);
            var error = process.StandardError.ReadToEndAsync(cancel);
            var broken = await FeedAsync(process, input, cancel);
            await process.WaitForExitAsync(cancel);
            var ended = (process.ExitCode, await output, await error);
            return ended.ExitCode == 0 && broken is not null ? throw new HostShellException($"The command took only a part of its input: {broken.Message}", broken) : ended;
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }

    /// <summary>Returns what broke the pipe: a command that ends early says itself why.</summary>
    private static async Task<IOException?> FeedAsync(Process process, Func<Stream, CancellationToken, Task>? input, CancellationToken cancel)
    {
        try
        {
            if (input is not null) await input(process.StandardInput.BaseStream, cancel);
            process.StandardInput.Close();
            return null;
        }
        catch (IOException e) when (e is not EndOfStreamException)
        {
            return e;
        }
        catch
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }
}
