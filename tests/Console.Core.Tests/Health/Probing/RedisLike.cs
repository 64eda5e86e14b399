using System.Net;
using System.Net.Sockets;
using System.Text;

namespace OpsConsole.Core.Tests.Health.Probing;

/// <summary>Speaks enough of Redis' protocol to answer commands as a test says.</summary>
internal sealed class RedisLike : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Func<string[], string> _answer;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _serving;

    public RedisLike(Func<string[], string> answer)
    {
        _answer = answer;
        _listener.Start();
        _serving = AcceptAsync();
    }

    public string Address => $"{_listener.LocalEndpoint}";

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _serving;
        _listener.Stop();
        _stop.Dispose();
    }

    private async Task AcceptAsync()
    {
        try
        {
            while (true)
                _ = ServeAsync(await _listener.AcceptTcpClientAsync(_stop.Token));
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or ObjectDisposedException)
        {
            // The test is over.
        }
    }

    private async Task ServeAsync(TcpClient client)
    {
        using (client)
        {
            using var reader = new StreamReader(client.GetStream());
            while (await reader.ReadLineAsync(_stop.Token) is { } head)
            {
                var command = new string[int.Parse(head[1..], System.Globalization.CultureInfo.InvariantCulture)];
                for (var i = 0; i < command.Length; i++)
                {
                    await reader.ReadLineAsync(_stop.Token);
                    command[i] = await reader.ReadLineAsync(_stop.Token) ?? "";
                }
                await client.GetStream().WriteAsync(Encoding.UTF8.GetBytes(_answer(command)), _stop.Token);
            }
        }
    }
}
