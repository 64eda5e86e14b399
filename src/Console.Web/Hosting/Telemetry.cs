using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.Options;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;
using OpsConsole.Core.Approvals;
using OpsConsole.Web.Identity;

namespace OpsConsole.Web.Hosting;

/// <summary>/metrics for Prometheus, and traces to an OTLP collector when <c>OTEL_EXPORTER_OTLP_ENDPOINT</c> is set.</summary>
public static class Telemetry
{
    public static IServiceCollection AddTelemetry(this IServiceCollection services, IConfiguration configuration)
    {
        services.AddSingleton<FleetMetrics>();
        services.AddSingleton<IAuthorizationHandler, MetricsAccessHandler>();
        var telemetry = services.AddOpenTelemetry().WithMetrics(metrics => metrics
            .AddMeter(FleetMetrics.MeterName).AddAspNetCoreInstrumentation().AddHttpClientInstrumentation().AddRuntimeInstrumentation()
            .AddPrometheusExporter(prometheus => prometheus.ScrapeResponseCacheDurationMilliseconds = 300));
        if (configuration["OTEL_EXPORTER_OTLP_ENDPOINT"] is { Length: > 0 })
            telemetry.WithTracing(tracing => tracing.AddAspNetCoreInstrumentation().AddHttpClientInstrumentation().AddSource("Npgsql").AddOtlpExporter());
        return services;
    }

    public static void MapMetrics(this WebApplication app)
    {
        app.Services.GetRequiredService<FleetMetrics>();
        app.MapPrometheusScrapingEndpoint("/metrics").RequireAuthorization(new AuthorizationPolicyBuilder().AddRequirements(new MetricsAccess()).Build());
    }

    /// <summary>A token or session that may view the fleet; or, by default, anybody on this machine.</summary>
    public sealed record MetricsAccess : IAuthorizationRequirement;

    private sealed class MetricsAccessHandler(IOptions<AccessOptions> options) : AuthorizationHandler<MetricsAccess>
    {
        protected override Task HandleRequirementAsync(AuthorizationHandlerContext context, MetricsAccess requirement)
        {
            // A reverse proxy on this machine forwards for others: its calls are not local.
            var local = options.Value.MetricsFromLoopback && context.Resource is HttpContext http && http.IsLoopback() && !http.Request.Headers.ContainsKey("X-Forwarded-For");
            var permitted = Policies.RolesFor[Policies.ViewFleet].Any(context.User.IsInRole)
                && (!context.User.IsToken() || TokenScopes.Allow(context.User.FindAll(Caller.Scope).Select(c => c.Value), Policies.ViewFleet));
            if (local || permitted)
                context.Succeed(requirement);
            return Task.CompletedTask;
        }
    }
}
