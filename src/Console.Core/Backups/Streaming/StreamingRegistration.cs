using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Options;
using OpsConsole.Core.Backups.Format;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Drivers;
using OpsConsole.Core.Drivers.Aws;
using OpsConsole.Core.Drivers.Hosts;
using OpsConsole.Core.Drivers.Postgres;
using OpsConsole.Core.Failover.Measuring;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Backups.Streaming;

public static class StreamingRegistration
{
    /// <summary>The streaming engine, its repositories and keys, and the stream of the log.</summary>
    public static IServiceCollection AddStreamedBackups(this IServiceCollection services)
    {
        services.AddOptions<WalStreamOptions>().BindConfiguration(WalStreamOptions.Section)
            .Validate(o => o.PartialSeconds is >= 0.5 and <= 60, "WalStreaming:PartialSeconds is not from 0.5 to 60. Write 2 for a loss of a few seconds.")
            .Validate(o => o.StoreSeconds is >= 0.5 and <= 300, "WalStreaming:StoreSeconds is not from 0.5 to 300. Write 3.")
            .Validate(o => o.AlarmMegabytes >= 16 && (o.DropMegabytes == 0 || o.DropMegabytes >= o.AlarmMegabytes), "WalStreaming:AlarmMegabytes is below 16, or DropMegabytes below it. Write 512 and 4096, or 0 for DropMegabytes to keep the log at any cost.")
            .ValidateOnStart();
        services.AddSingleton(s => s.GetRequiredService<IOptions<WalStreamOptions>>().Value);
        services.AddSingleton(s => new Repositories(s.GetRequiredService<FleetModel>(), (repository, region) => BackupStores.Open(repository, region, s.GetRequiredService<TimeProvider>())));
        services.AddSingleton<IKeyUnwrapper>(_ => new KmsKeys());
        services.AddSingleton<DeclaredKeys>();
        services.AddSingleton<IBaseBackupSource, BaseBackupSource>();
        services.AddSingleton<IWalSource, WalSource>();
        services.AddSingleton<IWalSlots, WalSlots>();
        services.AddSingleton<WalStreamStates>();
        services.AddSingleton<IHostPipe>(s => (IHostPipe)s.GetRequiredService<IHostShell>());
        services.TryAddSingleton<PulseMeters>();
        services.AddSingleton<WriteBrakes>();
        services.AddSingleton<IBackupEngine, StreamingEngine>();
        services.AddSingleton<IObserver, WalStreamer>();
        return services;
    }
}
