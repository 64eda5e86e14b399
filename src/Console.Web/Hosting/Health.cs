using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Web.Hosting;

/// <summary>/healthz: the process answers. /readyz: its database answers too, and there is a picture of the fleet to show.</summary>
public static class Health
{
    private const string Ready = "ready";

    public static IServiceCollection AddConsoleHealth(this IServiceCollection services)
    {
        services.AddHealthChecks().AddCheck<DatabaseCheck>("database", tags: [Ready]);
        return services;
    }

    public static void MapHealth(this WebApplication app)
    {
        app.MapHealthChecks("/healthz", new HealthCheckOptions { Predicate = _ => false, ResponseWriter = WriteAsync }).AllowAnonymous();
        app.MapHealthChecks("/readyz", new HealthCheckOptions { Predicate = check => check.Tags.Contains(Ready), ResponseWriter = WriteAsync }).AllowAnonymous();
    }

    private static Task WriteAsync(HttpContext context, HealthReport report) => context.Response.WriteAsJsonAsync(new
    {
        status = report.Status.ToString().ToLowerInvariant(),
        checks = report.Entries.Select(e => new { name = e.Key, status = e.Value.Status.ToString().ToLowerInvariant(), detail = e.Value.Description }),
    }, WireJson.Options, context.RequestAborted);

    private sealed class DatabaseCheck(ConsoleDatabase database) : IHealthCheck
    {
        public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
        {
            try
            {
                await using var command = database.App.CreateCommand("SELECT 1");
                command.CommandTimeout = 2;
                await command.ExecuteScalarAsync(cancellationToken);
                return HealthCheckResult.Healthy("answers");
            }
            catch (Npgsql.NpgsqlException exception)
            {
                // The cause may name hosts and users; callers are anonymous.
                return HealthCheckResult.Unhealthy("does not answer", exception);
            }
        }
    }
}
