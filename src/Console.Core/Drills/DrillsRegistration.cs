using Microsoft.Extensions.DependencyInjection;
using OpsConsole.Core.Drills.Reports;

namespace OpsConsole.Core.Drills;

public static class DrillsRegistration
{
    /// <summary>Reports of drills and experiments. Needs AddOperations and AddChaos.</summary>
    public static IServiceCollection AddDrills(this IServiceCollection services)
    {
        services.AddSingleton<ReportBuilder>();
        return services;
    }
}
