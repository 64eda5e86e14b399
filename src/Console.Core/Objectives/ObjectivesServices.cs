using Microsoft.Extensions.DependencyInjection;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Objectives;

public static class ObjectivesServices
{
    /// <summary>Needs AddFleet and AddObservation.</summary>
    public static IServiceCollection AddObjectives(this IServiceCollection services)
    {
        services.AddSingleton<ProvenRecoveries>();
        services.AddHostedService(s => s.GetRequiredService<ProvenRecoveries>());
        services.AddSingleton<IObjectives, ObjectivesReader>();
        services.AddSingleton<IObserver, ObjectivesObserver>();
        return services;
    }
}
