using System.Collections.Concurrent;
using System.Text;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Drivers.Hosts;

/// <summary>Reaches every region's host as its <see cref="ShellOptions"/> say.</summary>
public sealed class HostShell(FleetModel fleet, TimeProvider time) : IHostShell, IHostPipe, IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, SshHost> _hosts = new();

    public bool Offers(string region, string command) =>
        fleet.Regions.TryGetValue(region, out var options) && options.Shell?.Commands.ContainsKey(command) == true;

    public Task<HostCommandResult> RunAsync(string region, string command, IReadOnlyDictionary<string, string>? arguments = null, string? input = null, CancellationToken cancel = default) =>
        FeedAsync(region, command, arguments, input is null ? null : (stream, stop) => stream.WriteAsync(Encoding.UTF8.GetBytes(input), stop).AsTask(), cancel);

    Task<HostCommandResult> IHostPipe.FeedAsync(string region, string command, IReadOnlyDictionary<string, string> arguments, Func<Stream, CancellationToken, Task> input, CancellationToken cancel) =>
        FeedAsync(region, command, arguments, input, cancel);

    private async Task<HostCommandResult> FeedAsync(string region, string command, IReadOnlyDictionary<string, string>? arguments, Func<Stream, CancellationToken, Task>? input, CancellationToken cancel)
    {
        if (!fleet.Regions.TryGetValue(region, out var options) || options.Shell is not { } shell)
            throw new HostShellException($"Region {region} declares no shell.");
        if (!shell.Commands.TryGetValue(command, out var template))
            throw new HostShellException($"The shell of {region} declares no command {command}.");
        var line = CommandTemplate.Fill(template, arguments);
        var start = time.GetTimestamp();
        var (exit, output, error) = shell.Kind == ShellKind.Local
            ? await LocalHost.RunAsync(line, input, cancel)
            : await _hosts.GetOrAdd(region, _ => new SshHost(region, shell)).RunAsync(line, input, cancel);
        return new HostCommandResult(exit, output, error, time.GetElapsedTime(start));
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var host in _hosts.Values) await host.DisposeAsync();
    }
}
