using System.Net.Sockets;
using OpsConsole.Core.Fleet;
using Renci.SshNet;
using Renci.SshNet.Common;

namespace OpsConsole.Core.Drivers.Hosts;

/// <summary>One host over SSH: a connection that stays, key only, the host's key held against the declared fingerprint.</summary>
internal sealed class SshHost(string region, ShellOptions shell) : IAsyncDisposable
{
    private static readonly TimeSpan ConnectTimeout = TimeSpan.FromSeconds(5);
    private readonly SemaphoreSlim _connecting = new(1, 1);
    private SshClient? _client;

    public async Task<(int Exit, string Output, string Error)> RunAsync(string line, Func<Stream, CancellationToken, Task>? input, CancellationToken cancel)
    {
        var client = await ClientAsync(cancel);
        try
        {
            using var command = client.CreateCommand(line);
            var running = command.ExecuteAsync(cancel);
            if (input is not null)
            {
                await using var stdin = command.CreateInputStream();
                await input(stdin, cancel);
            }
            await running;
            return (command.ExitStatus ?? -1, command.Result, command.Error);
        }
        catch (Exception e) when (e is SshException or SocketException or ObjectDisposedException)
        {
            // A command may have run: whoever asked looks at the world before asking again.
            Forget(client);
            throw new HostShellException($"The connection to the host of {region} broke: {e.Message}", e);
        }
    }

    private async Task<SshClient> ClientAsync(CancellationToken cancel)
    {
        if (_client is { } known && Lives(known)) return known;
        await _connecting.WaitAsync(cancel);
        try
        {
            if (_client is { } other && Lives(other)) return other;
            Interlocked.Exchange(ref _client, null)?.Dispose(); // whatever comes of the next one, this one is gone
            return _client = await ConnectAsync(cancel);
        }
        finally
        {
            _connecting.Release();
        }
    }

    private static bool Lives(SshClient client)
    {
        try
        {
            return client.IsConnected;
        }
        catch (ObjectDisposedException)
        {
            return false; // somebody else found it broken
        }
    }

    private async Task<SshClient> ConnectAsync(CancellationToken cancel)
    {
        if (shell.HostKeyFingerprint.Length == 0) throw new HostShellException($"The shell of {region} declares no hostKeyFingerprint: an unknown host is not trusted.");
        string? offered = null;
        SshClient? client = null;
        try
        {
            var key = new PrivateKeyAuthenticationMethod(shell.User, new PrivateKeyFile(shell.KeyFile));
            client = new SshClient(new ConnectionInfo(shell.Host, shell.Port, shell.User, key) { Timeout = ConnectTimeout }) { KeepAliveInterval = TimeSpan.FromSeconds(10) };
            client.HostKeyReceived += (_, host) =>
            {
                offered = "SHA256:" + host.FingerPrintSHA256;
                host.CanTrust = offered == shell.HostKeyFingerprint.TrimEnd('=');
            };
            await client.ConnectAsync(cancel);
            return client;
        }
        catch (Exception e) when (e is SshException or SocketException or IOException or UnauthorizedAccessException)
        {
            client?.Dispose();
            throw new HostShellException(offered is not null && offered != shell.HostKeyFingerprint.TrimEnd('=')
                ? $"The host of {region} shows the key {offered}, not the declared one. Nothing was sent."
                : $"The host of {region} cannot be reached: {e.Message}", e);
        }
    }

    private void Forget(SshClient client)
    {
        if (Interlocked.CompareExchange(ref _client, null, client) == client) client.Dispose();
    }

    public ValueTask DisposeAsync()
    {
        _client?.Dispose();
        _connecting.Dispose();
        return ValueTask.CompletedTask;
    }
}
