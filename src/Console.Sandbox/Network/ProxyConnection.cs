using System.Net.Sockets;

namespace OpsConsole.Sandbox.Network;

/// <summary>A client's connection through a <see cref="LinkProxy"/>, with its two directions.</summary>
internal sealed class ProxyConnection : IDisposable
{
    private readonly LinkProxy _proxy;
    private readonly Socket _client;
    private readonly Socket _service;
    private readonly CancellationTokenSource _ended = new();
    private readonly int _draw = Random.Shared.Next();
    private readonly Lock _closing = new();
    private LinkConditions _up;
    private LinkConditions _down;
    private ITimer? _closeTimer;
    private bool _closed;

    internal ProxyConnection(LinkProxy proxy, Socket client)
    {
        _proxy = proxy;
        _client = client;
        _service = new Socket(proxy.Upstream.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        _up = proxy.ConditionsFor(StreamDirection.Upstream, _draw);
        _down = proxy.ConditionsFor(StreamDirection.Downstream, _draw);
    }

    /// <summary>Carries bytes until both ends are done or one fails.</summary>
    internal async Task RunAsync()
    {
        try
        {
            _client.NoDelay = true;
            await _service.ConnectAsync(_proxy.Upstream, _ended.Token);
            ConditionsChanged();
            await Task.WhenAll(
                new Pump(_client, _service, () => Volatile.Read(ref _up), _proxy.Time, Abort).RunAsync(_ended.Token),
                new Pump(_service, _client, () => Volatile.Read(ref _down), _proxy.Time, Abort).RunAsync(_ended.Token));
            Close(reset: false);
        }
        catch (Exception e) when (e is SocketException or OperationCanceledException or ObjectDisposedException)
        {
            Close(reset: true); // one end is gone or the link was cut: the other end learns it
        }
    }

    /// <summary>Reads the proxy's toxics again.</summary>
    internal void ConditionsChanged()
    {
        var (oldUp, oldDown) = (_up, _down);
        var up = _proxy.ConditionsFor(StreamDirection.Upstream, _draw);
        var down = _proxy.ConditionsFor(StreamDirection.Downstream, _draw);
        Volatile.Write(ref _up, up);
        Volatile.Write(ref _down, down);

        // What a silent link swallowed is lost, so the stream cannot go on: as Toxiproxy does, the connection ends with the toxic.
        if ((oldUp.Silent && !up.Silent) || (oldDown.Silent && !down.Silent))
        {
            Abort();
            return;
        }

        var after = new[] { up.CloseAfter, down.CloseAfter }.Min();
        lock (_closing)
        {
            _closeTimer?.Dispose();
            _closeTimer = after is { } wait && !_closed ? _proxy.Time.CreateTimer(_ => Abort(), null, wait, Timeout.InfiniteTimeSpan) : null;
        }
    }

    /// <summary>Resets both ends.</summary>
    internal void Abort() => Close(reset: true);

    public void Dispose()
    {
        Close(reset: true);
        _ended.Dispose();
    }

    private void Close(bool reset)
    {
        lock (_closing)
        {
            if (_closed)
            {
                return;
            }
            _closed = true;
            _closeTimer?.Dispose();
        }

        _ended.Cancel();
        foreach (var socket in new[] { _client, _service })
        {
            if (reset)
            {
                socket.LingerState = new LingerOption(true, 0);
            }
            socket.Dispose();
        }
    }
}
