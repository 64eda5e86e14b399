namespace OpsConsole.Core.Fleet;

/// <summary>Host commands without agents: templates come from configuration only (<see cref="ShellOptions.Commands"/>), arguments are
/// quoted, nothing is ever built from user input.</summary>
public interface IHostShell
{
    /// <summary>Whether the region declares this command.</summary>
    bool Offers(string region, string command);

    /// <summary>Runs a declared command on the region's host. A non-zero exit is a result, not an exception.</summary>
    /// <param name="arguments">values for the template's <c>{name}</c>s; secrets belong into <paramref name="input"/></param>
    /// <param name="input">text for standard input, or null: what must not show in a process list</param>
    /// <exception cref="HostShellException">No such command, a missing argument, a wrong host key, or the host cannot be reached.</exception>
    Task<HostCommandResult> RunAsync(string region, string command, IReadOnlyDictionary<string, string>? arguments = null, string? input = null, CancellationToken cancel = default);
}

public sealed record HostCommandResult(int ExitCode, string Output, string Error, TimeSpan Duration);

/// <summary>A host command could not be run at all.</summary>
public sealed class HostShellException(string message, Exception? inner = null) : Exception(message, inner);

public static class HostShellExtensions
{
    /// <summary>As <see cref="IHostShell.RunAsync"/>, and a non-zero exit throws with what the command said.</summary>
    public static async Task<HostCommandResult> RequireAsync(
        this IHostShell shell, string region, string command, IReadOnlyDictionary<string, string>? arguments = null, string? input = null, CancellationToken cancel = default)
    {
        var result = await shell.RunAsync(region, command, arguments, input, cancel);
        if (result.ExitCode == 0) return result;
        var said = string.IsNullOrWhiteSpace(result.Error) ? result.Output : result.Error;
        throw new HostShellException($"{command} in {region} ended with {result.ExitCode}: {said.Trim()}");
    }
}
