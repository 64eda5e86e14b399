using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Audit;

public static class AuditRegistration
{
    public static IServiceCollection AddAudit(this IServiceCollection services)
    {
        services.AddOptions<AuditOptions>().Configure<IConfiguration>(Read)
            .Validate(o => o.CheckpointMinutes is >= 1 and <= 1440, "Audit:CheckpointMinutes must lie between 1 and 1,440.").ValidateOnStart();
        services.AddSingleton(AuditDb.ConsoleSchema);
        services.AddSingleton<IAuditLog, AuditLog>();
        services.AddSingleton<IAuditReader, AuditReader>();
        services.AddSingleton<AuditErasure>();
        services.AddSingleton<IChangeSource, AuditChanges>();
        services.AddSingleton<AuditCheckpoints>();
        services.AddHostedService(provider => provider.GetRequiredService<AuditCheckpoints>());
        return services;
    }

    private static void Read(AuditOptions options, IConfiguration configuration)
    {
        options.SigningKeyFile = configuration[$"{AuditOptions.Section}:{nameof(options.SigningKeyFile)}"] ?? "";
        if (configuration[$"{AuditOptions.Section}:{nameof(options.CheckpointMinutes)}"] is { } minutes)
            options.CheckpointMinutes = int.TryParse(minutes, CultureInfo.InvariantCulture, out var value) ? value : 0;
    }
}
