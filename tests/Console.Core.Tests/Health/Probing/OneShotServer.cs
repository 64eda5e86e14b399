using System.Net;
using System.Net.Sockets;
using System.Text;

namespace OpsConsole.Core.Tests.Health.Probing;

/// <summary>A TCP server that answers what the test says, connection after connection.</summary>
internal sealed class OneShotServer : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly Func<string, IEnumerable<string>> _answer;
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _serving;

    /// <param name="answer">from what was received to the pieces that are sent; the connection is closed after the last</param>
    public OneShotServer(Func<string, IEnumerable<string>> answer)
    {
        _answer = answer;
        _listener.Start();
        _serving = ServeAsync();
    }

    public int Port => ((IPEndPoint)_listener.LocalEndpoint).Port;
    public string Address => $"127.0.0.1:{Port}";
    public List<string> Received { get; } = [];

    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        await _serving;
        _listener.Stop();
        _stop.Dispose();
    }

    private async Task ServeAsync()
    {
        try
        {
            while (true)
            {
                using var client = await _listener.AcceptTcpClientAsync(_stop.Token);
                var stream = client.GetStream();
                var buffer = new byte[4096];
                var read = await stream.ReadAsync(buffer, _stop.Token);
                var request = Encoding.UTF8.GetString(buffer, 0, read);
                Received.Add(request);
                foreach (var piece in _answer(request))
                {
                    await stream.WriteAsync(Encoding.UTF8.GetBytes(piece), _stop.Token);
                    await stream.FlushAsync(_stop.Token);
                }
            }
        }
        catch (Exception e) when (e is OperationCanceledException or SocketException or IOException or ObjectDisposedException)
        {
            // The test is over, or the client has left.
        }
    }
}
