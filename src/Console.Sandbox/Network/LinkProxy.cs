using System.Collections.Concurrent;
using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;

namespace OpsConsole.Sandbox.Network;

/// <summary>One TCP proxy: everything that goes from one site to one service of another passes here, delayed, throttled, stalled
/// or cut as its toxics say. A disabled proxy refuses connections and resets those it had, as Toxiproxy does.</summary>
/// <param name="delay">The link's own one-way latency, there and back; not a toxic, so that a reset keeps it.</param>
public sealed class LinkProxy(string name, IPEndPoint listen, IPEndPoint upstream, TimeSpan delay, TimeProvider time) : IAsyncDisposable
{
    private readonly ConcurrentDictionary<ProxyConnection, byte> _connections = [];
    private readonly SemaphoreSlim _change = new(1);
    private ImmutableList<Toxic> _toxics = [];
    private Socket? _listener;
    private CancellationTokenSource? _accepting;
    private Task _accept = Task.CompletedTask;

    public string Name => name;
    public IPEndPoint Listen => listen;
    public IPEndPoint Upstream { get; private set; } = upstream;
    public bool Enabled { get; private set; }
    public ImmutableList<Toxic> Toxics => _toxics;
    public int Connections => _connections.Count;
    internal TimeProvider Time => time;

    /// <summary>Starts or stops listening; stopping resets all connections.</summary>
    public async Task SetEnabledAsync(bool enabled)
    {
        await _change.WaitAsync();
        try
        {
            if (enabled && !Enabled)
            {
                Open();
            }
            else if (!enabled && Enabled)
            {
                await CloseAsync();
            }
        }
        finally
        {
            _change.Release();
        }
    }

    /// <summary>Leads new connections elsewhere and resets the present ones.</summary>
    public void SetUpstream(IPEndPoint target)
    {
        Upstream = target;
        Abort();
    }

    /// <summary>Replaces the toxics by what <paramref name="change"/> makes of them; present connections feel it at once.</summary>
    public void Change(Func<ImmutableList<Toxic>, ImmutableList<Toxic>> change)
    {
        ImmutableInterlocked.Update(ref _toxics, change);
        foreach (var connection in _connections.Keys)
        {
            connection.ConditionsChanged();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await SetEnabledAsync(false);
        _change.Dispose();
    }

    internal LinkConditions ConditionsFor(StreamDirection direction, int draw) => LinkConditions.Of(delay, _toxics, direction, draw);

    private void Open()
    {
        var socket = new Socket(listen.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(listen);
            socket.Listen(256);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
        _listener = socket;
        _accepting = new CancellationTokenSource();
        Enabled = true;
        _accept = AcceptAsync(socket, _accepting.Token);
    }

    private async Task CloseAsync()
    {
        Enabled = false;
        await _accepting!.CancelAsync();
        _listener!.Dispose();
        await _accept;
        Abort();
        _accepting.Dispose();
    }

    private void Abort()
    {
        foreach (var connection in _connections.Keys)
        {
            connection.Abort();
        }
    }

    private async Task AcceptAsync(Socket listener, CancellationToken cancel)
    {
        while (!cancel.IsCancellationRequested)
        {
            Socket client;
            try
            {
                client = await listener.AcceptAsync(cancel);
            }
            catch (Exception e) when (e is OperationCanceledException or ObjectDisposedException)
            {
                return;
            }
            catch (SocketException)
            {
                continue; // the client was gone before it was accepted
            }

            var connection = new ProxyConnection(this, client);
            _connections.TryAdd(connection, 0);
            _ = RunAsync(connection);
        }
    }

    private async Task RunAsync(ProxyConnection connection)
    {
        await connection.RunAsync();
        _connections.TryRemove(connection, out _);
        connection.Dispose();
    }
}
