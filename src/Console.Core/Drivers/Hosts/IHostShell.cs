namespace OpsConsole.Core.Drivers.Hosts;

public sealed record ShellResult(int ExitCode, string Output, string Error);

/// <summary>Runs a region's command templates (<see cref="Fleet.ShellOptions.Commands"/>) on its host, without an agent. Templates come
/// from configuration only; each argument <c>{name}</c> is quoted, never spliced raw.</summary>
public interface IHostShell
{
    /// <summary>Whether the region declares that command.</summary>
    bool Has(string region, string command);

    /// <exception cref="InvalidOperationException">the region has no shell or no such command</exception>
    /// <exception cref="IOException">the host cannot be reached or its key is not the expected one</exception>
    Task<ShellResult> RunAsync(string region, string command, IReadOnlyDictionary<string, string> arguments, CancellationToken cancel);
}
