namespace OpsConsole.Core.Fleet;

/// <summary>Host commands that are fed with more than a text: archives.</summary>
public interface IHostPipe
{
    /// <summary>Runs a declared command, and writes its standard input as it goes. A non-zero exit is a result; what <paramref name="input"/> throws is thrown when the command has ended.</summary>
    /// <exception cref="HostShellException">as <see cref="IHostShell.RunAsync"/></exception>
    Task<HostCommandResult> FeedAsync(string region, string command, IReadOnlyDictionary<string, string> arguments, Func<Stream, CancellationToken, Task> input, CancellationToken cancel);
}
