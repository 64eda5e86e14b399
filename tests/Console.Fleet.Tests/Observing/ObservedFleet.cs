using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Fleet.Configuration;
using OpsConsole.Core.Live;
using OpsConsole.Core.Persistence;
using OpsConsole.Core.Replication;
using OpsConsole.Core.Traffic;
using OpsConsole.Fleet.Tests.Sandbox;
using OpsConsole.Sandbox;

namespace OpsConsole.Fleet.Tests.Observing;

/// <summary>An embedded fleet of its own, and the console's observers of replication and traffic watching it by its fleet.json.</summary>
public sealed class ObservedFleet : IAsyncLifetime
{
    private static readonly string[] Watched = ["replication", "traffic", "latency"];

    private readonly SandboxFixture _sandbox = new();
    private readonly CancellationTokenSource _cancel = new();
    private ServiceProvider? _services;
    private Task _running = Task.CompletedTask;

    public EmbeddedFleet Fleet => _sandbox.Fleet;
    public FleetSnapshot Picture => _services!.GetRequiredService<IFleetFeed>().Current;

    public async ValueTask InitializeAsync()
    {
        await _sandbox.InitializeAsync();
        var configuration = new ConfigurationManager();
        configuration.AddJsonFile(Fleet.Paths.FleetFile);
        var unresolved = await configuration.AddSecretsAsync();
        var services = new ServiceCollection();
        services.AddSingleton<IConfiguration>(configuration);
        services.AddLogging(log => log.SetMinimumLevel(LogLevel.None));
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton(new ConsoleDatabase(configuration.GetConnectionString("Owner")!, configuration.GetConnectionString("Console")!));
        services.AddFleet(configuration, unresolved);
        services.AddObservation();
        services.AddReplicationObserver();
        services.AddTrafficObserver();
        _services = services.BuildServiceProvider();
        _running = Task.WhenAll(
            [_services.GetRequiredService<FleetState>().RunAsync(1, _cancel.Token), .. _services.GetServices<IObserver>().Where(o => Watched.Contains(o.Name)).Select(o => Task.Run(() => o.RunAsync(_cancel.Token)))]);
    }

    /// <summary>Waits for the picture to show something, as a viewer would: by its batches.</summary>
    public async Task ShowsAsync(Func<FleetSnapshot, bool> condition, string what)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(90));
        using var subscription = _services!.GetRequiredService<IFleetFeed>().Subscribe();
        while (!condition(Picture))
        {
            try
            {
                await subscription.Batches.ReadAsync(limit.Token);
            }
            catch (OperationCanceledException)
            {
                Assert.Fail($"The picture did not show in time: {what}. Cluster: {Picture.Clusters.GetValueOrDefault("orders")?.Reason}. Components: {string.Join("; ", Picture.Components.Values.Select(c => c.Name + " " + c.Detail))}");
            }
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _running);
        if (_services is not null)
            await _services.DisposeAsync();
        await _sandbox.DisposeAsync();
        _cancel.Dispose();
    }
}
