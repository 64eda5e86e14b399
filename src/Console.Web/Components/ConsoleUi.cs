using Microsoft.AspNetCore.Components.Server;
using MudBlazor.Services;
using OpsConsole.Web.Components.Live;
using OpsConsole.Web.Components.Shared;

namespace OpsConsole.Web.Components;

/// <summary>The pages: what they need, and where they hang.</summary>
public static class ConsoleUi
{
    public static IServiceCollection AddConsoleUi(this IServiceCollection services)
    {
        services.AddRazorComponents().AddInteractiveServerComponents(circuit =>
        {
            circuit.DisconnectedCircuitMaxRetained = 200;
            circuit.DisconnectedCircuitRetentionPeriod = TimeSpan.FromMinutes(3);
            circuit.MaxBufferedUnacknowledgedRenderBatches = 10;
        });
        services.AddCascadingAuthenticationState();
        // The popover service runs a timer per circuit at this period; half a second is its default and costs too much.
        services.AddMudServices(mud => mud.PopoverOptions.QueueDelay = TimeSpan.FromSeconds(5));
        services.AddSingleton<FeedAge>();
        services.AddHostedService(provider => provider.GetRequiredService<FeedAge>());
        services.AddSingleton<Attention>();
        services.AddHostedService(provider => provider.GetRequiredService<Attention>());
        services.AddSingleton<SharedReadings>();
        services.AddSingleton<FleetDigests>();
        services.AddScoped<LiveFleet>();
        services.AddScoped<AddressFilters>();
        return services;
    }

    public static IEndpointConventionBuilder MapConsoleUi(this WebApplication app)
    {
        app.MapStaticAssets().AllowAnonymous();
        return app.MapRazorComponents<App>().AddInteractiveServerRenderMode(server =>
        {
            // Compression costs 18 to 38 % of the CPU of a live page; batches are small.
            server.DisableWebSocketCompression = true;
            // The content security policy is set for every answer in one place.
            server.ContentSecurityFrameAncestorsPolicy = null;
        });
    }
}
