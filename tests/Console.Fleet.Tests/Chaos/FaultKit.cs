using System.Text.Json.Nodes;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using OpsConsole.Core.Audit;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Chaos;
using OpsConsole.Core.Failover;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Fleet.Configuration;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Persistence;
using OpsConsole.Core.Replication;
using OpsConsole.Core.Traffic;
using OpsConsole.Fleet.Tests.Failover;

namespace OpsConsole.Fleet.Tests.Chaos;

/// <summary>The injectors of one console process, with nothing else of it running.</summary>
internal sealed class FaultKit : IAsyncDisposable
{
    private readonly ServiceProvider _services;

    public FaultKit(LiveFleet fleet)
    {
        var configuration = new ConfigurationManager();
        var file = JsonNode.Parse(File.ReadAllText(fleet.FleetFile))!.AsObject();
        configuration.AddJsonStream(new MemoryStream(System.Text.Encoding.UTF8.GetBytes(file.ToJsonString())));
        configuration["Operations:JournalDirectory"] = Path.GetTempPath();
        configuration.AddSecretFiles();
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddSingleton<IConfiguration>(configuration);
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton(new ConsoleDatabase(configuration["ConnectionStrings:Owner"]!, configuration["ConnectionStrings:Console"]!));
        services.AddSingleton<IAuditLog>(new Silent());
        services.AddFleet(configuration);
        services.AddObservation();
        services.AddReplicationObserver();
        services.AddTrafficObserver();
        services.AddFailover();
        services.AddOperations();
        services.AddBackups();
        services.AddChaos();
        _services = services.BuildServiceProvider();
        Injectors = _services.GetRequiredService<FaultInjectors>();
    }

    public FaultInjectors Injectors { get; }
    public T Get<T>() where T : notnull => _services.GetRequiredService<T>();

    public ValueTask DisposeAsync() => _services.DisposeAsync();

    private sealed class Silent : IAuditLog
    {
        public Task AppendAsync(AuditDraft draft, CancellationToken cancel = default) => Task.CompletedTask;
    }
}
