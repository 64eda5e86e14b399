using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using OpsConsole.Core.Backups.Configurations;
using OpsConsole.Core.Backups.Logical;
using OpsConsole.Core.Backups.Operations;
using OpsConsole.Core.Backups.Restoring;
using OpsConsole.Core.Backups.Streaming;
using OpsConsole.Core.Backups.Schedules;
using OpsConsole.Core.Drivers.PgBackRest;
using OpsConsole.Core.Live;
using OpsConsole.Core.Objectives;
using OpsConsole.Core.Operations;

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
        services.AddSingleton<ILogGaps, LogGaps>();
        services.AddSingleton<BackupCatalogue>();
        services.AddSingleton<IBackupCatalogue>(s => s.GetRequiredService<BackupCatalogue>());
        services.AddSingleton<BackupRecords>();
        services.AddSingleton<BackupHolds>();
        services.AddSingleton<IRecoveryProofs, RestoreProofs>();
        services.AddSingleton<RestorableRpo>();
        services.AddSingleton<BackupEngineRegistry>();
        services.AddSingleton<BackupMetrics>();
        services.AddSingleton<IOperationEnd>(s => s.GetRequiredService<BackupMetrics>());
        services.AddSingleton<ArchiverView>();
        services.AddSingleton<IBackupEngine, PgBackRestEngine>();
        services.AddStreamedBackups();
        services.AddSingleton<IBackupEngine, PgDumpEngine>();
        services.AddSingleton<IBackupEngine, ConfigurationEngine>();
        services.AddSingleton<Instances>();
        services.AddSingleton<InstanceProof>();
        services.AddSingleton<RestoreLog>();
        services.AddSingleton<InPlaceNodes>();
        services.AddSingleton<BackupParts>();
        services.AddSingleton<IPlanner, BackupPlanner>();
        services.AddSingleton<IPlanner, VerifyPlanner>();
        services.AddSingleton<IPlanner, RestorePlanner>();
        services.AddSingleton<IPlanner, ExpirePlanner>();
        foreach (var step in Steps) services.AddSingleton(typeof(IStep), step);
        services.AddSingleton<IObserver, BackupObserver>();
        services.AddSingleton<BackupScheduler>();
        services.AddSingleton<BackupCoverage>();
        services.AddSingleton<RestoreMarks>();
        services.AddSingleton<BackupSweep>();
        services.AddSingleton<IObserver>(s => s.GetRequiredService<BackupSweep>());
        return services;
    }

    /// <summary>Code of every step that a plan may name.</summary>
    public static IReadOnlyList<Type> Steps { get; } =
        [typeof(TakeBackup), typeof(CheckCopies), typeof(ExpireBackup), typeof(StoreLog), typeof(OpenInstance), typeof(InspectInstance), typeof(HandOver), typeof(DiscardInstance),
        typeof(BeginInPlace), typeof(StopCluster), typeof(SetDataAside), typeof(OpenRestored), typeof(ValidateInPlace), typeof(FollowRestored), typeof(TakeBackInPlace)];
}
