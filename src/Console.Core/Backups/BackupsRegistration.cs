using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace OpsConsole.Core.Backups;

public static class BackupsRegistration
{
    /// <summary>Backups and restores. Needs AddFleet, AddObservation and AddOperations.</summary>
    public static IServiceCollection AddBackups(this IServiceCollection services)
    {
        services.AddOptions<BackupsOptions>().BindConfiguration(BackupsOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<BackupsOptions>, BackupsOptionsValidator>();
        services.AddSingleton(s => s.GetRequiredService<IOptions<BackupsOptions>>().Value);
        services.AddSingleton(BackupsDb.ConsoleSchema);
        services.AddSingleton<RestorableMoments>();
        services.AddSingleton<BackupCatalogue>();
        services.AddSingleton<IBackupCatalogue>(s => s.GetRequiredService<BackupCatalogue>());
        services.AddSingleton<BackupRecords>();
        services.AddSingleton<BackupEngineRegistry>();
        return services;
    }
}
