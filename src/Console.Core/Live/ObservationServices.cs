using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using OpsConsole.Core.Drivers.Hosts;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Health;
using OpsConsole.Core.Health.Business;
using OpsConsole.Core.Health.Probing;
using OpsConsole.Core.Health.Probing.Net;
using OpsConsole.Core.Health.Telemetry;
using OpsConsole.Core.Live.Nodes;

namespace OpsConsole.Core.Live;

public static class ObservationServices
{
    /// <summary>The observing half: the live picture, the probe engine, telemetry. Needs <see cref="FleetModel"/>,
    /// <see cref="Persistence.ConsoleDatabase"/> and <see cref="TimeProvider"/>. What observes runs in Console.Jobs.</summary>
    public static IServiceCollection AddObservation(this IServiceCollection services)
    {
        services.AddOptions<ObservationOptions>();
        services.AddSingleton(s => ProbePlan.From(s.GetRequiredService<FleetModel>()));
        services.AddSingleton<FleetFeed>();
        services.AddSingleton<IFleetFeed>(s => s.GetRequiredService<FleetFeed>());
        services.AddSingleton<FleetState>();
        services.AddSingleton<IFleetReducer>(s => s.GetRequiredService<FleetState>());
        services.AddSingleton<TelemetryBuffer>();
        services.AddSingleton<IMetricSink>(s => s.GetRequiredService<TelemetryBuffer>());
        services.AddSingleton<ITransitionLog>(s => s.GetRequiredService<TelemetryBuffer>());
        services.AddSingleton<IProbeSink>(s => s.GetRequiredService<TelemetryBuffer>());
        services.AddSingleton(TelemetryDb.ConsoleSchema);
        services.AddSingleton<SeriesIds>();
        services.AddSingleton<TelemetryWriter>();
        services.AddSingleton<RecentSamples>();
        services.AddSingleton<RollUp>();
        services.AddSingleton<IObserver>(s => s.GetRequiredService<RollUp>());
        services.AddSingleton<IHistory, TelemetryHistory>();
        services.AddSingleton<IChangeSource, StatusChanges>();
        services.AddSingleton<IObserver, BusinessMetricsObserver>();
        services.AddSingleton<ObserverCommands>();
        services.AddSingleton<IObserver>(s => s.GetRequiredService<ObserverCommands>());
        services.AddSingleton<ObserverLease>();
        services.AddSingleton<BatchPublisher>();
        services.AddSingleton<BatchFollower>();
        services.AddSingleton<ObserverNode>();
        services.AddSingleton<RecentChanges>();
        services.TryAddSingleton<IHostShell, HostShell>();
        services.AddSingleton<Names>();
        services.AddSingleton<IProbeFactory, ProbeFactory>();
        services.AddSingleton<ProbeEngine>();
        services.AddSingleton<IObserver>(s => s.GetRequiredService<ProbeEngine>());
        return services;
    }
}
