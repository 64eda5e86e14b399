using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using OpsConsole.Core.Drivers.Applications;
using OpsConsole.Core.Drivers.ChaosToolkit;
using OpsConsole.Core.Drivers.HaProxy;
using OpsConsole.Core.Drivers.Hosts;
using OpsConsole.Core.Drivers.Hosts.Faults;
using OpsConsole.Core.Drivers.Postgres.Faults;
using OpsConsole.Core.Drivers.Toxiproxy;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Chaos;

public static class ChaosRegistration
{
    /// <summary>Fault injectors and experiments. Needs AddFleet, AddObservation, AddFailover, AddOperations and AddBackups.</summary>
    public static IServiceCollection AddChaos(this IServiceCollection services)
    {
        services.AddOptions<ChaosOptions>().BindConfiguration(ChaosOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<ChaosOptions>, ChaosOptionsValidator>();
        services.AddSingleton(s => s.GetRequiredService<IOptions<ChaosOptions>>().Value);
        services.TryAddSingleton<IHostShell, HostShell>();
        AddInjectors(services);
        services.AddSingleton(ChaosDb.ConsoleSchema);
        services.AddSingleton<TargetResolver>();
        services.AddSingleton<ExperimentLibrary>();
        services.AddSingleton<ExperimentGuards>();
        services.AddSingleton<ISevereConditions, SevereInThePicture>();
        services.AddSingleton<ISevereConditions, RecentFailovers>();
        services.AddSingleton<OpenSevere>();
        services.AddSingleton<SteadyStates>();
        services.AddSingleton<ExperimentPlanner>();
        services.AddSingleton<IPlanner>(s => s.GetRequiredService<ExperimentPlanner>());
        services.AddSingleton<ChaosMetrics>();
        services.AddSingleton<ExperimentCatalogue>();
        services.AddSingleton<SchedulePause>();
        services.AddHostedService<ExperimentWatch>();
        services.AddSingleton<ImportedExperiments>();
        services.AddHostedService(s => s.GetRequiredService<ImportedExperiments>());
        services.AddSingleton<ToolkitExport>();
        services.AddSingleton<ToolkitReader>();
        foreach (var step in Steps) services.AddSingleton(typeof(IStep), step);
        return services;
    }

    /// <summary>Code of every step that a plan may name.</summary>
    public static IReadOnlyList<Type> Steps { get; } = [typeof(BeforeStep), typeof(InjectStep), typeof(DuringStep), typeof(AfterStep)];

    private static void AddInjectors(IServiceCollection services)
    {
        services.AddSingleton<FaultHttp>();
        services.AddSingleton<SustainedFaults>();
        services.AddSingleton<NetworkFaults>();
        services.AddSingleton<INetworkMap>(s => s.GetRequiredService<NetworkFaults>());
        services.AddSingleton<IFaultInjector>(s => s.GetRequiredService<NetworkFaults>());
        services.AddSingleton<IFaultInjector, HostFaults>();
        services.AddSingleton<IFaultInjector, ProcessFaults>();
        services.AddSingleton<IFaultInjector, DatabaseFaults>();
        services.AddSingleton<IFaultInjector, ApplicationFaults>();
        services.AddSingleton<IFaultInjector, BalancerFaults>();
        // The engine knows the planners, which know the injectors: this one finds the engine when it is first used.
        services.AddSingleton(s => new Lazy<OperationService>(s.GetRequiredService<OperationService>));
        services.AddSingleton<FailoverFault>();
        services.AddSingleton<IFaultInjector>(s => s.GetRequiredService<FailoverFault>());
        services.AddSingleton<FaultInjectors>();
    }
}
