using OpsConsole.Web.Hosting;
using Scalar.AspNetCore;

namespace OpsConsole.Web.Api;

public static class ApiRegistration
{
    public const string Prefix = "/api/v1";

    private const string DocsPage = """
        <!DOCTYPE html>
        <html lang="en">
        <head>
            <meta charset="utf-8" />
            <meta name="viewport" content="width=device-width, initial-scale=1" />
            <title>OpsConsole API</title>
            <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
        </head>
        <body>
            <div id="app"></div>
            <script src="/docs/scalar/scalar.js"></script>
            <script type="module" src="/js/api-docs.js"></script>
        </body>
        </html>
        """;

    public static IServiceCollection AddApi(this IServiceCollection services)
    {
        services.ConfigureHttpJsonOptions(o => WireJson.Configure(o.SerializerOptions));
        services.Configure<RouteHandlerOptions>(o => o.ThrowOnBadRequest = true);
        services.AddProblemDetails();
        services.AddScoped<StepUp>().AddScoped<Acting>();
        services.AddSingleton<FleetViews>().AddSingleton<AuditAccess>();
        services.AddOpenApi("v1", ApiDocument.Describe);
        return services;
    }

    public static RouteGroupBuilder MapApi(this WebApplication app)
    {
        var api = app.MapGroup(Prefix);
        api.MapSession();
        api.MapMe();
        api.MapUsers();
        api.MapFleet();
        api.MapHistory();
        api.MapAudit();
        api.MapSettings();
        api.MapPasskeys();
        api.MapLinks();
        api.MapNotifications();
        api.MapOperations();
        api.MapFailovers();
        api.MapExperiments();
        api.MapReports();
        api.MapDrills();
        api.MapTopology();
        api.MapBackups();
        api.MapRestores();
        api.MapApprovals();
        api.MapAutomation();
        api.MapFallback("{**path}", UnknownCalls.Answer).AllowAnonymous().ExcludeFromDescription();
        app.MapOpenApi("/openapi/{documentName}.json").AllowAnonymous();
        // Scalar's own page has an inline script, which the content security policy forbids; ours loads the same scripts from files.
        app.MapScalarApiReference("/docs/scalar").AllowAnonymous();
        app.MapGet("/docs", () => Results.Content(DocsPage, "text/html; charset=utf-8")).AllowAnonymous().ExcludeFromDescription();
        return api;
    }
}
