using System.Security.Authentication;
using Microsoft.AspNetCore.HttpOverrides;
using Microsoft.Extensions.Options;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Persistence;
using OpsConsole.Web.Api;
using OpsConsole.Web.Identity;
using Serilog;
using Serilog.Formatting.Compact;

namespace OpsConsole.Web.Hosting;

/// <summary>What any host of the console needs: database, logs, Kestrel, the order of the pipeline.</summary>
public static class ConsoleHost
{
    public static void AddConsoleHost(this WebApplicationBuilder builder)
    {
        var configuration = builder.Configuration;
        builder.Services.AddSerilog(log =>
        {
            log.MinimumLevel.Override("Microsoft.AspNetCore", Serilog.Events.LogEventLevel.Warning).MinimumLevel.Override(typeof(TokenAuthentication).FullName!, Serilog.Events.LogEventLevel.Warning)
                .MinimumLevel.Override("Microsoft.EntityFrameworkCore", Serilog.Events.LogEventLevel.Warning)
                .ReadFrom.Configuration(configuration).Enrich.FromLogContext();
            if (string.Equals(configuration["Logging:Format"], "json", StringComparison.OrdinalIgnoreCase))
                log.WriteTo.Console(new CompactJsonFormatter());
            else
                log.WriteTo.Console(outputTemplate: "{Timestamp:HH:mm:ss.fff} {Level:u3} {SourceContext}: {Message:lj}{NewLine}{Exception}", formatProvider: System.Globalization.CultureInfo.InvariantCulture);
        });
        // Assets of packages are found from the build output too, in any environment.
        builder.WebHost.UseStaticWebAssets();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = 4 << 20;
            kestrel.ConfigureHttpsDefaults(https => https.SslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13);
        });
        builder.Services.AddSingleton(TimeProvider.System);
        builder.Services.AddSingleton(_ => new ConsoleDatabase(configuration.GetConnectionString("Owner")!, configuration.GetConnectionString("Console")!));
        builder.Services.AddSingleton<DatabaseMigrator>();
        builder.Services.AddSingleton<ProductionChecks>();
        builder.Services.AddRateLimits();
        builder.Services.AddConsoleHealth();
        builder.Services.AddOptions<ForwardedHeadersOptions>().Configure<IOptions<AccessOptions>>((forwarded, access) =>
        {
            forwarded.ForwardedHeaders = ForwardedHeaders.XForwardedFor | ForwardedHeaders.XForwardedProto | ForwardedHeaders.XForwardedHost;
            forwarded.KnownIPNetworks.Clear();
            forwarded.KnownProxies.Clear();
            foreach (var proxy in access.Value.TrustedProxies)
                forwarded.KnownProxies.Add(System.Net.IPAddress.Parse(proxy));
        });
        builder.Services.AddCors();
        builder.Services.AddOptions<Microsoft.AspNetCore.Cors.Infrastructure.CorsOptions>().Configure<IOptions<AccessOptions>>((cors, access) =>
            cors.AddDefaultPolicy(policy => policy.WithOrigins([.. access.Value.AllowedOrigins]).AllowAnyHeader().AllowAnyMethod()));
    }

    /// <summary>Schemas up to date, orphaned operations taken over, roles and the first administrator in place: before the console listens.</summary>
    public static async Task PrepareAsync(this WebApplication app)
    {
        await app.Services.GetRequiredService<DatabaseMigrator>().MigrateAsync(app.Lifetime.ApplicationStopping);
        await app.Services.RecoverOperationsAsync(app.Lifetime.ApplicationStopping);
        app.Services.GetRequiredService<ProductionChecks>().Warn();
        await using var scope = app.Services.CreateAsyncScope();
        await scope.ServiceProvider.GetRequiredService<FirstStart>().RunAsync(app.Lifetime.ApplicationStopping);
    }

    public static void UseConsolePipeline(this WebApplication app)
    {
        if (app.Services.GetRequiredService<IOptions<AccessOptions>>().Value.TrustedProxies.Count > 0)
            app.UseForwardedHeaders();
        app.UseMiddleware<SecurityHeaders>();
        app.UseWhen(context => AccessResults.IsForPrograms(context.Request.Path), programs => programs.UseMiddleware<ProblemExceptions>().UseStatusCodePages());
        app.UseWhen(context => !AccessResults.IsForPrograms(context.Request.Path), pages => pages.UseExceptionHandler("/error", createScopeForErrors: true));
        app.UseRouting();
        app.UseCors();
        app.UseMiddleware<CrossSiteGuard>();
        app.UseAuthentication();
        app.UseRateLimiter();
        app.UseAuthorization();
        app.UseAntiforgery();
    }
}
