using Hangfire;
using Hangfire.PostgreSql;
using Hangfire.Server;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using OpsConsole.Core.Live;
using OpsConsole.Core.Persistence;
using OpsConsole.Jobs.Observing;
using OpsConsole.Jobs.Schedules;

namespace OpsConsole.Jobs.Hosting;

public static class JobsServices
{
    /// <summary>The Hangfire server on the console's database, with the observer as one of its long-running processes. Nothing here
    /// delays the start: the server is announced in the background.</summary>
    public static IServiceCollection AddJobs(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddOptions<ObservationOptions>().Bind(configuration.GetSection(ObservationOptions.Section));
        services.AddSingleton(HangfireSchema.ConsoleSchema);
        services.AddSingleton<IBackgroundProcess, ObserverProcess>();
        services.AddHostedService<ScheduleRegistration>();
        services.AddHangfire((provider, hangfire) => hangfire
            .SetDataCompatibilityLevel(CompatibilityLevel.Version_180)
            .UseSimpleAssemblyNameTypeSerializer()
            .UseRecommendedSerializerSettings()
            .UseStorage(Storage(provider)));
        services.AddHangfireServer((_, server) =>
        {
            server.WorkerCount = 4;
            server.SchedulePollingInterval = TimeSpan.FromSeconds(5);
            server.ShutdownTimeout = TimeSpan.FromSeconds(5);
            server.StopTimeout = TimeSpan.FromSeconds(5);
        });
        return services;
    }

    private static PostgreSqlStorage Storage(IServiceProvider provider) => new(
        new AppConnections(provider.GetRequiredService<ConsoleDatabase>()),
        new PostgreSqlStorageOptions
        {
            SchemaName = HangfireSchema.Name,
            PrepareSchemaIfNecessary = false,
            QueuePollInterval = TimeSpan.FromSeconds(2),
            EnableLongPolling = true,
            UseSlidingInvisibilityTimeout = true,
        });
}
