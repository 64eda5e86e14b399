using System.Diagnostics;

namespace OpsConsole.Core.Drivers.Hosts;

/// <summary>Commands on the console's own host, by <c>/bin/sh</c>.</summary>
internal static class LocalHost
{
    public static async Task<(int Exit, string Output, string Error)> RunAsync(string line, string? input, CancellationToken cancel)
    {
        var start = new ProcessStartInfo("/bin/sh", ["-c", line]) { RedirectStandardInput = true, RedirectStandardOutput = true, RedirectStandardError = true };
        using var process = Process.Start(start)!;
        try
        {
            if (input is not null) await process.StandardInput.WriteAsync(input.AsMemory(), cancel);
            process.StandardInput.Close();
            // A daemon that the command starts may hold the pipes open: what counts is the shell's end.
            var output = process.StandardOutput.ReadToEndAsync(cancel);
            var error = process.StandardError.ReadToEndAsync(cancel);
            await process.WaitForExitAsync(cancel);
            return (process.ExitCode, await output, await error);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            throw;
        }
    }
}
