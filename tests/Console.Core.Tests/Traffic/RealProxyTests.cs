using System.Net;
using System.Net.Sockets;
using OpsConsole.Core.Drivers.HaProxy;
using OpsConsole.Core.Drivers.PgBouncer;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Traffic;
using OpsConsole.Testing;

namespace OpsConsole.Core.Tests.Traffic;

/// <summary>The observing drivers against a real HAProxy and a real PgBouncer.</summary>
public sealed class RealProxyTests
{
    [Fact]
    public async Task HaProxy_Requests_AreCountedPerRegion()
    {
        await using var first = FakeHttp.Start(_ => (200, "ok"));
        await using var second = FakeHttp.Start(_ => (500, "broken"));
        var (runtime, http, write) = (TestProxy.FreePort(), TestProxy.FreePort(), TestProxy.FreePort());
        await using var proxy = await TestProxy.HaProxyAsync(runtime, http, write, [first.Address.Port, second.Address.Port]);
        var view = new HaProxyDriver().View(Manager(runtime));
        var admin = new HaProxyRuntime($"127.0.0.1:{runtime}");
        await admin.SetServesAsync("shop_write", "s1", serves: false, endSessions: false, TestContext.Current.CancellationToken);
        using var client = new HttpClient();

        for (var i = 0; i < 10; i++)
            using (await client.GetAsync($"http://127.0.0.1:{http}/", TestContext.Current.CancellationToken))
            {
            }

        var reading = await view.ReadAsync(TestContext.Current.CancellationToken);
        Assert.Equal(10, reading.Http.Values.Sum(c => c.Requests));
        Assert.Equal(5, reading.Http["east"].Requests);
        Assert.Equal((0L, 5L), (reading.Http["east"].Errors, reading.Http["west"].Errors));
        Assert.Equal((HealthStatus.Healthy, "HTTP: 2 of 2 servers up; writes: s0"), (reading.Status, reading.Detail));
    }

    [Fact]
    public async Task HaProxy_TwoWriteServers_IsCritical()
    {
        await using var server = FakeHttp.Start(_ => (200, "ok"));
        var runtime = TestProxy.FreePort();
        await using var proxy = await TestProxy.HaProxyAsync(runtime, TestProxy.FreePort(), TestProxy.FreePort(), [server.Address.Port, server.Address.Port]);

        var reading = await new HaProxyDriver().View(Manager(runtime)).ReadAsync(TestContext.Current.CancellationToken);

        Assert.Equal(HealthStatus.Critical, reading.Status);
        Assert.Contains("s0 and s1 at once", reading.Detail);
    }

    [Fact]
    public async Task HaProxy_NobodyListens_Throws() =>
        await Assert.ThrowsAsync<TrafficManagerException>(() => new HaProxyDriver().View(Manager(9)).ReadAsync(TestContext.Current.CancellationToken));

    [Fact]
    public async Task PgBouncer_PausedAndResumed_IsSeen()
    {
        var postgres = await TestPostgres.SharedAsync();
        var port = TestProxy.FreePort();
        await using var proxy = await TestProxy.PgBouncerAsync(port, postgres.Port, "postgres", "an-admin-password");
        var manager = new TrafficManagerOptions
        {
            Id = "pooler", Kind = TrafficManagerKind.PgBouncer, Address = $"127.0.0.1:{port}", Username = "admin", Password = "an-admin-password", Databases = { ["postgres"] = "shop" },
        };
        var view = new PgBouncerDriver().View(manager);
        var admin = new PgBouncerAdmin(manager);

        Assert.Equal(HealthStatus.Healthy, (await view.ReadAsync(TestContext.Current.CancellationToken)).Status);
        await admin.PauseAsync("postgres", TestContext.Current.CancellationToken);
        var paused = await view.ReadAsync(TestContext.Current.CancellationToken);
        Assert.Equal(HealthStatus.Degraded, paused.Status);
        Assert.StartsWith("postgres: paused", paused.Detail, StringComparison.Ordinal);
        await admin.ResumeAsync("postgres", TestContext.Current.CancellationToken);
        Assert.Equal(HealthStatus.Healthy, (await view.ReadAsync(TestContext.Current.CancellationToken)).Status);
    }

    [Fact]
    public async Task PgBouncer_WrongPassword_ThrowsWithoutIt()
    {
        var postgres = await TestPostgres.SharedAsync();
        var port = TestProxy.FreePort();
        await using var proxy = await TestProxy.PgBouncerAsync(port, postgres.Port, "postgres", "right");
        var manager = new TrafficManagerOptions { Id = "pooler", Address = $"127.0.0.1:{port}", Username = "admin", Password = "wrong-password", Databases = { ["postgres"] = "shop" } };

        var error = await Assert.ThrowsAsync<TrafficManagerException>(() => new PgBouncerDriver().View(manager).ReadAsync(TestContext.Current.CancellationToken));

        Assert.DoesNotContain("wrong-password", error.Message);
    }

    [Theory]
    [InlineData(1, "")]
    [InlineData(2, "dropped: ")]
    public async Task Edge_ManagerThatDropsAConnection_IsSilentOnlyWhenItDropsTheNextToo(int drops, string silent)
    {
        var postgres = await TestPostgres.SharedAsync();
        var port = TestProxy.FreePort();
        await using var proxy = await TestProxy.PgBouncerAsync(port, postgres.Port, "postgres", "right");
        using var front = new TcpListener(IPAddress.Loopback, 0);
        front.Start();
        using var edge = new TrafficEdge(new FleetModel(new FleetOptions
        {
            TrafficManagers = [new TrafficManagerOptions { Id = "dropped", Kind = TrafficManagerKind.PgBouncer, Address = front.LocalEndpoint.ToString()!, Username = "admin", Password = "right" }],
        }));

        var asked = edge.UnreachableAsync(TimeSpan.FromSeconds(20), TimeProvider.System, TestContext.Current.CancellationToken);
        for (var i = 0; i < drops; i++) (await front.AcceptTcpClientAsync(TestContext.Current.CancellationToken)).Dispose();
        if (silent.Length == 0)
        {
            using var inbound = (await front.AcceptTcpClientAsync(TestContext.Current.CancellationToken)).GetStream();
            using var outbound = new TcpClient("127.0.0.1", port).GetStream();
            await Task.WhenAny(inbound.CopyToAsync(outbound, TestContext.Current.CancellationToken), outbound.CopyToAsync(inbound, TestContext.Current.CancellationToken), asked);
        }

        var answers = await asked;
        if (silent.Length == 0) Assert.Empty(answers);
        else Assert.StartsWith(silent, Assert.Single(answers), StringComparison.Ordinal);
    }

    private static TrafficManagerOptions Manager(int runtimePort) => new()
    {
        Id = "edge", Kind = TrafficManagerKind.HaProxy, Address = $"127.0.0.1:{runtimePort}", HttpBackend = "shop_http", WriteBackend = "shop_write", Servers = { ["s0"] = "east", ["s1"] = "west" },
    };
}
