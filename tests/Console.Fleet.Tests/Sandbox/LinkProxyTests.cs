using System.Collections.Immutable;
using System.Diagnostics;
using System.Net;
using System.Net.Sockets;
using OpsConsole.Sandbox.Network;

namespace OpsConsole.Fleet.Tests.Sandbox;

public sealed class LinkProxyTests : IAsyncLifetime
{
    private readonly TcpListener _service = new(IPAddress.Loopback, 0);
    private LinkProxy? _proxy;

    public ValueTask InitializeAsync()
    {
        _service.Start();
        _ = EchoAsync();
        return ValueTask.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        _service.Dispose();
        if (_proxy is not null)
        {
            await _proxy.DisposeAsync();
        }
    }

    [Fact]
    public async Task Proxy_WithoutToxics_CarriesBytesBothWays()
    {
        using var client = await ConnectAsync(TimeSpan.Zero);
        var sent = new byte[1_000_000];
        Random.Shared.NextBytes(sent);
        var received = ReceiveAsync(client, sent.Length);
        await client.SendAsync(sent);
        Assert.Equal(sent, await received);
    }

    [Fact]
    public async Task Proxy_WithDelay_AddsItEachWayAndLittleMore()
    {
        using var client = await ConnectAsync(TimeSpan.FromMilliseconds(40));
        var best = TimeSpan.MaxValue;
        for (var i = 0; i < 5; i++)
        {
            var clock = Stopwatch.StartNew();
            await client.SendAsync(new byte[] { 1 });
            await ReceiveAsync(client, 1);
            Assert.True(clock.Elapsed >= TimeSpan.FromMilliseconds(78.5), $"{clock.Elapsed.TotalMilliseconds} ms is sooner than there and back.");
            best = best < clock.Elapsed ? best : clock.Elapsed;
        }
        Assert.True(best < TimeSpan.FromMilliseconds(90), $"{best.TotalMilliseconds} ms for 80 ms of delay.");
    }

    [Fact]
    public async Task Latency_WithJitter_KeepsOrder()
    {
        using var client = await ConnectAsync(TimeSpan.Zero);
        Add(Toxic.Latency, StreamDirection.Upstream, ("latency", 20), ("jitter", 15));
        var sent = Enumerable.Range(0, 200).Select(i => (byte)i).ToArray();
        var received = ReceiveAsync(client, sent.Length);
        foreach (var one in sent)
        {
            await client.SendAsync(new[] { one });
            if (one % 20 == 0)
            {
                await Task.Delay(5);
            }
        }
        Assert.Equal(sent, await received);
    }

    [Fact]
    public async Task Bandwidth_OfHundredKilobytes_TakesTimeForTwoHundred()
    {
        using var client = await ConnectAsync(TimeSpan.Zero);
        Add(Toxic.Bandwidth, StreamDirection.Upstream, ("rate", 100));
        var clock = Stopwatch.StartNew();
        var received = ReceiveAsync(client, 100 * 1024);
        await client.SendAsync(new byte[100 * 1024]);
        await received;
        Assert.InRange(clock.Elapsed.TotalSeconds, 0.8, 2.5);
    }

    [Fact]
    public async Task Timeout_OfZero_SwallowsUntilRemovedThenEndsTheConnection()
    {
        using var client = await ConnectAsync(TimeSpan.Zero);
        Add(Toxic.Timeout, StreamDirection.Upstream, ("timeout", 0));
        await client.SendAsync(new byte[] { 1 });
        var answer = ReceiveAsync(client, 1);
        await Assert.ThrowsAsync<TimeoutException>(() => answer.WaitAsync(TimeSpan.FromMilliseconds(300)));
        _proxy!.Change(_ => []);
        await Assert.ThrowsAnyAsync<Exception>(() => answer);
    }

    [Fact]
    public async Task ResetPeer_OnAPresentConnection_ResetsIt()
    {
        using var client = await ConnectAsync(TimeSpan.Zero);
        var answer = ReceiveAsync(client, 1);
        Add(Toxic.ResetPeer, StreamDirection.Downstream, ("timeout", 0));
        var error = await Assert.ThrowsAsync<SocketException>(() => answer);
        Assert.Equal(SocketError.ConnectionReset, error.SocketErrorCode);
    }

    [Fact]
    public async Task LimitData_Exceeded_EndsTheConnection()
    {
        using var client = await ConnectAsync(TimeSpan.Zero);
        Add(Toxic.LimitData, StreamDirection.Upstream, ("bytes", 10));
        await client.SendAsync(new byte[10]);
        await ReceiveAsync(client, 10);
        await client.SendAsync(new byte[1]);
        await Assert.ThrowsAnyAsync<Exception>(() => ReceiveAsync(client, 1));
    }

    [Fact]
    public async Task Toxicity_OfZero_HitsNobody()
    {
        using var client = await ConnectAsync(TimeSpan.Zero);
        _proxy!.Change(t => t.Add(new Toxic("none", Toxic.Timeout, StreamDirection.Upstream, 0, ImmutableSortedDictionary<string, double>.Empty)));
        await client.SendAsync(new byte[] { 7 });
        Assert.Equal(7, (await ReceiveAsync(client, 1))[0]);
    }

    [Fact]
    public async Task Disabled_RefusesNewConnectionsAndResetsPresentOnes_EnabledServesAgain()
    {
        using var client = await ConnectAsync(TimeSpan.Zero);
        await client.SendAsync(new byte[] { 1 });
        await ReceiveAsync(client, 1);
        await _proxy!.SetEnabledAsync(false);
        await Assert.ThrowsAnyAsync<Exception>(() => ReceiveAsync(client, 1));
        using var refused = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await Assert.ThrowsAsync<SocketException>(() => refused.ConnectAsync(_proxy.Listen));

        await _proxy.SetEnabledAsync(true);
        using var again = new Socket(SocketType.Stream, ProtocolType.Tcp);
        await again.ConnectAsync(_proxy.Listen);
        await again.SendAsync(new byte[] { 3 });
        Assert.Equal(3, (await ReceiveAsync(again, 1))[0]);
    }

    [Fact]
    public async Task Service_Gone_ClientLearnsIt()
    {
        _service.Stop();
        // The reset may already meet the connecting client.
        var error = await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            using var client = await ConnectAsync(TimeSpan.Zero);
            await ReceiveAsync(client, 1).WaitAsync(TimeSpan.FromSeconds(5));
        });
        Assert.IsNotType<TimeoutException>(error);
    }

    private void Add(string type, StreamDirection direction, params (string Name, double Value)[] attributes) =>
        _proxy!.Change(t => t.Add(new Toxic(type, type, direction, 1, attributes.ToImmutableSortedDictionary(a => a.Name, a => a.Value))));

    private async Task<Socket> ConnectAsync(TimeSpan delay)
    {
        using (var free = new TcpListener(IPAddress.Loopback, 0))
        {
            free.Start();
            _proxy = new LinkProxy("test", (IPEndPoint)free.LocalEndpoint, (IPEndPoint)_service.LocalEndpoint, delay, TimeProvider.System);
        }
        await _proxy.SetEnabledAsync(true);
        var client = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await client.ConnectAsync(_proxy.Listen);
        return client;
    }

    private static async Task<byte[]> ReceiveAsync(Socket socket, int count)
    {
        var bytes = new byte[count];
        for (var got = 0; got < count;)
        {
            var read = await socket.ReceiveAsync(bytes.AsMemory(got));
            got += read > 0 ? read : throw new EndOfStreamException();
        }
        return bytes;
    }

    private async Task EchoAsync()
    {
        while (true)
        {
            Socket client;
            try
            {
                client = await _service.AcceptSocketAsync();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
            {
                return;
            }
            _ = Task.Run(async () =>
            {
                using var stream = new NetworkStream(client, ownsSocket: true);
                try
                {
                    await stream.CopyToAsync(stream);
                }
                catch (IOException)
                {
                    return; // the test has cut it
                }
            });
        }
    }
}
