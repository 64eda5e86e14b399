using Microsoft.Extensions.DependencyInjection;
using OpsConsole.Core.Drivers.HaProxy;
using OpsConsole.Core.Drivers.PgBouncer;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Traffic;

public static class TrafficServices
{
    /// <summary>Watches traffic managers and round trips. Needs AddFleet and AddObservation.</summary>
    public static IServiceCollection AddTrafficObserver(this IServiceCollection services)
    {
        services.AddSingleton<ITrafficDriver, HaProxyDriver>();
        services.AddSingleton<ITrafficDriver, PgBouncerDriver>();
        services.AddSingleton<IObserver, TrafficObserver>();
        services.AddSingleton<IObserver, LatencyObserver>();
        return services;
    }
}
