using System.Net;
using System.Net.Sockets;
using Npgsql;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health;
using OpsConsole.Core.Health.Probing;
using OpsConsole.Testing;

namespace OpsConsole.Core.Tests.Health.Probing;

public class OtherProbesTests
{
    [Fact]
    public async Task Tcp_Listening_SucceedsAndOtherwiseNot()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        Assert.Equal(ProbeOutcome.Success, (await ProbeRunner.RunAsync(new ProbeOptions { Kind = ProbeKind.Tcp, Target = $"{listener.LocalEndpoint}" })).Outcome);
        Assert.Equal(ProbeOutcome.Failure, (await ProbeRunner.RunAsync(new ProbeOptions { Kind = ProbeKind.External, Target = "127.0.0.1:1" })).Outcome);
    }

    [Fact]
    public async Task Latency_ReachableHost_HasNoLoss()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        var sample = await ProbeRunner.RunAsync(new ProbeOptions { Kind = ProbeKind.Latency, Target = $"http://{listener.LocalEndpoint}/" });
        Assert.Equal(ProbeOutcome.Success, sample.Outcome);
        Assert.Equal(0, Gauge(sample, GaugeNames.LossPercent));
    }

    [Fact]
    public async Task Postgres_RealServer_GivesItsFiguresAndWrongPasswordIsAFailure()
    {
        var postgres = await TestPostgres.SharedAsync();
        var probe = new ProbeOptions { Kind = ProbeKind.Postgres, Target = $"127.0.0.1:{postgres.Port}", Username = "postgres", Database = "postgres" };
        var sample = await ProbeRunner.RunAsync(probe, ServiceKind.Database);
        Assert.Equal((ProbeOutcome.Success, null), (sample.Outcome, sample.Error));
        Assert.True(Gauge(sample, GaugeNames.Connections) >= 1);
        Assert.True(Gauge(sample, GaugeNames.SizeBytes) > 1_000_000);
        Assert.InRange(Gauge(sample, GaugeNames.ConnectionsPercent), 0.1, 100);

        var stranger = await ProbeRunner.RunAsync(new ProbeOptions { Kind = ProbeKind.Postgres, Target = probe.Target, Username = "nobody-of-that-name" }, ServiceKind.Database);
        Assert.Equal(ProbeOutcome.Failure, stranger.Outcome);
        Assert.StartsWith("28000", stranger.Error, StringComparison.Ordinal);
        var anonymous = await ProbeRunner.RunAsync(new ProbeOptions { Kind = ProbeKind.Postgres, Target = probe.Target }, ServiceKind.Database);
        Assert.Equal(ProbeOutcome.Success, anonymous.Outcome);
    }

    [Fact]
    public async Task Postgres_SessionEndedByTheServer_IsNoFailureWhileNewClientsAreServed()
    {
        var postgres = await TestPostgres.SharedAsync();
        await postgres.ExecuteAsync("CREATE ROLE watched LOGIN");
        var probe = new ProbeOptions { Kind = ProbeKind.Postgres, Target = $"127.0.0.1:{postgres.Port}", Username = "watched" };
        var running = ProbeRunner.RunAsync(probe, 8, ServiceKind.Database);
        await using var superuser = new NpgsqlConnection(postgres.ConnectionString());
        await superuser.OpenAsync(TestContext.Current.CancellationToken);
        await using var end = new NpgsqlCommand("SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename = 'watched' AND backend_start < now() - interval '300 ms'", superuser);
        long ended = 0;
        while (!running.IsCompleted)
            ended += (long)(await end.ExecuteScalarAsync(TestContext.Current.CancellationToken))!;
        Assert.True(ended > 0);
        Assert.All(await running, s => Assert.Equal((ProbeOutcome.Success, null), (s.Outcome, s.Error)));
    }

    [Fact]
    public async Task Postgres_ConnectionLostAndNoNewClients_IsAFailure()
    {
        var postgres = await TestPostgres.SharedAsync();
        await postgres.ExecuteAsync("CREATE ROLE banned LOGIN CONNECTION LIMIT 0");
        var sample = await ProbeRunner.RunAsync(new ProbeOptions { Kind = ProbeKind.Postgres, Target = $"127.0.0.1:{postgres.Port}", Username = "banned" }, ServiceKind.Database);
        Assert.Equal(ProbeOutcome.Failure, sample.Outcome);
        Assert.StartsWith("53300", sample.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Redis_Answers_GivesItsFigures()
    {
        const string Info = "# Stats\r\ninstantaneous_ops_per_sec:42\r\nused_memory:1024\r\nconnected_clients:3\r\nconnected_slaves:1\r\nrole:master\r\n";
        await using var redis = new RedisLike(command => command[0] switch
        {
            "AUTH" => command[1] == "secret" ? "+OK\r\n" : "-WRONGPASS invalid username-password pair\r\n",
            "PING" => "+PONG\r\n",
            _ => $"${Info.Length}\r\n{Info}\r\n",
        });
        var sample = await ProbeRunner.RunAsync(new ProbeOptions { Kind = ProbeKind.Redis, Target = redis.Address, Password = "secret" }, ServiceKind.Cache);
        Assert.Equal((ProbeOutcome.Success, null), (sample.Outcome, sample.Error));
        Assert.Equal(42, Gauge(sample, GaugeNames.Throughput));
        Assert.Equal(1, Gauge(sample, GaugeNames.ConnectedReplicas));
        var refused = await ProbeRunner.RunAsync(new ProbeOptions { Kind = ProbeKind.Redis, Target = redis.Address, Password = "wrong" }, ServiceKind.Cache);
        Assert.Equal((ProbeOutcome.Failure, "Redis: WRONGPASS invalid username-password pair"), (refused.Outcome, refused.Error));
    }

    [Fact]
    public async Task Queue_BetweenTwoLooks_GivesSuccessRateAndDuration()
    {
        var look = 0;
        await using var redis = new RedisLike(command => command[0] == "LLEN"
            ? command[1] == "jobs" ? ":7\r\n" : ":2\r\n"
            : look++ == 0 ? "*3\r\n$3\r\n100\r\n$1\r\n0\r\n$4\r\n1000\r\n" : "*3\r\n$3\r\n108\r\n$1\r\n2\r\n$4\r\n1500\r\n");
        var samples = await ProbeRunner.RunAsync(new ProbeOptions { Kind = ProbeKind.Queue, Target = redis.Address, Resource = "jobs" }, 2, ServiceKind.Queue);
        Assert.Equal(7, Gauge(samples[0], GaugeNames.QueueLength));
        Assert.Equal(2, Gauge(samples[0], GaugeNames.QueueActive));
        Assert.Equal(80, Gauge(samples[1], GaugeNames.QueueSuccessPercent));
        Assert.Equal(50, Gauge(samples[1], GaugeNames.QueueDurationMs));
    }

    [Theory]
    [InlineData(0, 1, ProbeOutcome.Success, null)]
    [InlineData(0, 0, ProbeOutcome.Failure, "no address for the name")]
    [InlineData(3, 0, ProbeOutcome.Failure, "the name does not exist (NXDOMAIN)")]
    [InlineData(2, 0, ProbeOutcome.Failure, "the name server failed (SERVFAIL)")]
    public async Task Dns_Answer_IsReadByItsCode(int code, int answers, ProbeOutcome outcome, string? error)
    {
        using var server = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        var serving = Task.Run(async () =>
        {
            var query = await server.ReceiveAsync();
            byte[] reply = [.. query.Buffer];
            (reply[2], reply[3], reply[7]) = (0x81, (byte)(0x80 | code), (byte)answers);
            await server.SendAsync(reply, query.RemoteEndPoint);
            return System.Text.Encoding.ASCII.GetString(query.Buffer);
        });
        var sample = await ProbeRunner.RunAsync(new ProbeOptions { Kind = ProbeKind.Dns, Target = $"orders.example@{server.Client.LocalEndPoint}" }, ServiceKind.Dns);
        Assert.Equal((outcome, error), (sample.Outcome, sample.Error));
        Assert.Contains("\u0006orders\u0007example\0", await serving, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Host_CommandTemplate_GivesResourceFigures()
    {
        static void WithShell(FleetOptions fleet) => fleet.Regions[0].Shell = new ShellOptions
        {
            Kind = ShellKind.Local,
            Commands = { ["host.metrics"] = "echo cpuTotal $(date +%s%N); echo cpuIdle 0; echo memTotalBytes 1000; echo memAvailableBytes 250; echo diskTotalBytes 200; echo diskUsedBytes 50; echo mount {mount}" },
        };
        var samples = await ProbeRunner.RunAsync(new ProbeOptions { Kind = ProbeKind.Host, Resource = "/data" }, 2, ServiceKind.Compute, WithShell);
        Assert.Equal((ProbeOutcome.Success, null), (samples[1].Outcome, samples[1].Error));
        Assert.Equal(75, Gauge(samples[1], GaugeNames.MemoryPercent));
        Assert.Equal(25, Gauge(samples[1], GaugeNames.DiskPercent));
        Assert.Equal(100, Gauge(samples[1], GaugeNames.CpuPercent));
    }

    private static double Gauge(ProbeSample sample, string name) => Assert.Single(sample.Gauges ?? [], g => g.Key == name).Value;
}
