using Microsoft.Extensions.DependencyInjection;
using OpsConsole.Core.Drivers.Postgres;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Replication;

public static class ReplicationServices
{
    /// <summary>Watches the replication of every declared cluster. Needs AddFleet and AddObservation.</summary>
    public static IServiceCollection AddReplicationObserver(this IServiceCollection services)
    {
        services.AddSingleton<IReplicationDriver, PostgresReplicationDriver>();
        services.AddSingleton<IObserver, ReplicationObserver>();
        return services;
    }
}
