using System.Net;
using System.Net.Sockets;
using Hangfire;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health.Telemetry;
using OpsConsole.Core.Live;
using OpsConsole.Jobs.Hosting;
using OpsConsole.Testing;

namespace OpsConsole.Jobs.Tests.Observing;

public sealed class ObserverProcessTests : IDisposable
{
    private readonly TcpListener _target = new(IPAddress.Loopback, 0);

    public ObserverProcessTests() => _target.Start();

    public void Dispose() => _target.Dispose();

    [Fact(Timeout = 180_000)]
    public async Task Start_RealServer_ObservesInsideItWithoutDelayingTheStartAndStopsCleanly()
    {
        await using var database = await TestDatabase.CreateAsync(TelemetryDb.ConsoleSchema, HangfireSchema.ConsoleSchema);
        using var host = Host(database);
        var feed = host.Services.GetRequiredService<IFleetFeed>();
        using var viewer = feed.Subscribe();
        await host.StartAsync(TestContext.Current.CancellationToken);
        await UntilAsync(viewer, () => feed.Current.Services.TryGetValue("target", out var s) && s.Status == HealthStatus.Healthy);

        _target.Stop();
        await UntilAsync(viewer, () => feed.Current.Services["target"].Status == HealthStatus.Failed);
        await host.StopAsync(TestContext.Current.CancellationToken);

        Assert.True(await ScalarAsync<long>(database, "SELECT count(*) FROM telemetry.sample WHERE outcome = 1") >= 3);
        Assert.Equal("failed", await ScalarAsync<string>(database, "SELECT to_status FROM telemetry.transition WHERE kind = 'service' ORDER BY id DESC LIMIT 1"));
        // The lease was given up, not left to run out.
        Assert.True(await ScalarAsync<bool>(database, "SELECT expires = '-infinity' FROM telemetry.lease"));
    }

    [Fact(Timeout = 180_000)]
    public async Task Enqueue_AJob_RunsSoonUnderTheLeastPrivilegedRole()
    {
        await using var database = await TestDatabase.CreateAsync(TelemetryDb.ConsoleSchema, HangfireSchema.ConsoleSchema);
        using var host = Host(database);
        await host.StartAsync(TestContext.Current.CancellationToken);
        var ran = Signal.Create(out var id);
        host.Services.GetRequiredService<IBackgroundJobClient>().Enqueue(() => Signal.Raise(id));
        await ran.WaitAsync(TimeSpan.FromSeconds(60), TestContext.Current.CancellationToken);
        await host.StopAsync(TestContext.Current.CancellationToken);
    }

    [Fact]
    public async Task Schema_AppRole_MayUseTheTablesButNotChangeThem()
    {
        await using var database = await TestDatabase.CreateAsync(HangfireSchema.ConsoleSchema);
        var refused = await Assert.ThrowsAsync<PostgresException>(() => ScalarAsync<object>(database, "CREATE TABLE hangfire.mine (id int)"));
        Assert.Equal(PostgresErrorCodes.InsufficientPrivilege, refused.SqlState);
        Assert.Equal(0, await ScalarAsync<long>(database, "SELECT count(*) FROM hangfire.job"));
    }

    private IHost Host(TestDatabase database)
    {
        var fleet = new FleetOptions { Name = "test", ProbeIntervalSeconds = 0.25 };
        fleet.Regions.Add(new RegionOptions { Id = "east" });
        fleet.Services.Add(new ServiceOptions { Id = "target", Region = "east", Kind = ServiceKind.Api, Probes = { new ProbeOptions { Kind = ProbeKind.Tcp, Target = $"{_target.LocalEndpoint}" } } });
        var builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(new Dictionary<string, string?> { ["Observation:StartGraceSeconds"] = "0" });
        builder.Services.AddLogging(log => log.SetMinimumLevel(LogLevel.Warning));
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(database.Console);
        builder.Services.AddSingleton(new FleetModel(fleet));
        builder.Services.AddObservation();
        builder.Services.AddJobs(builder.Configuration);
        return builder.Build();
    }

    private static async Task UntilAsync(FleetSubscription viewer, Func<bool> reached)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(60));
        while (!reached())
            await viewer.Batches.ReadAsync(patience.Token);
    }

    private static async Task<T> ScalarAsync<T>(TestDatabase database, string sql)
    {
        await using var command = database.Console.App.CreateCommand(sql);
        return (T)(await command.ExecuteScalarAsync())!;
    }
}
