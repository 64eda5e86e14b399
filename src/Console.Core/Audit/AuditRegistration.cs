using Microsoft.Extensions.DependencyInjection;

namespace OpsConsole.Core.Audit;

public static class AuditRegistration
{
    public static IServiceCollection AddAudit(this IServiceCollection services)
    {
        services.AddSingleton(AuditDb.ConsoleSchema);
        services.AddSingleton<IAuditLog, AuditLog>();
        return services;
    }
}
