using Microsoft.AspNetCore.Diagnostics.HealthChecks;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using OpsConsole.Core.Live;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Web.Hosting;

/// <summary>/healthz: the process answers. /readyz: its database answers too, and there is a picture of the fleet to show.</summary>
public static class Health
{
    private const string Ready = "ready";

    public static IServiceCollection AddConsoleHealth(this IServiceCollection services)
    {
        services.AddHealthChecks().AddCheck<DatabaseCheck>("database", tags: [Ready]).AddCheck<PictureCheck>("picture", tags: [Ready]);
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

    /// <summary>Whether this node has a picture, its own or that of the node that observes; an old one is said to be old, and still shown.</summary>
    private sealed class PictureCheck(IFleetFeed feed, TimeProvider clock) : IHealthCheck
    {
        public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
        {
            var picture = feed.Current;
            return Task.FromResult(picture.Epoch == 0 && picture.Sequence == 0
                ? HealthCheckResult.Unhealthy("nothing has been seen yet")
                : HealthCheckResult.Healthy($"{Math.Max(0, (int)(clock.GetUtcNow() - picture.At).TotalSeconds)} s old"));
        }
    }

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
