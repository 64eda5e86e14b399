using Microsoft.Extensions.Options;
using OpsConsole.Core.Alerts.Notifications;
using OpsConsole.Core.Audit;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Standalone;
using OpsConsole.Core.Chaos;
using OpsConsole.Core.Drills;
using OpsConsole.Core.Failover;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Fleet.Configuration;
using OpsConsole.Core.Live;
using OpsConsole.Core.Objectives;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Replication;
using OpsConsole.Core.Traffic;
using OpsConsole.Jobs.Hosting;
using OpsConsole.Web.Api;
using OpsConsole.Web.Components;
using OpsConsole.Web.Hosting;
using OpsConsole.Web.Hubs;
using OpsConsole.Web.Identity;

try
{
    if (args is [BackupCommand.Verb, ..])
        return await BackupCommand.RunAsync(args[1..], Console.Out, Console.Error, TimeProvider.System, CancellationToken.None);
    if (OfflineVerb.IsMeant(args))
        return OfflineVerb.Run(args, Console.Out, Console.Error);
    var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
    builder.Configuration.AddOperatorFiles();
    var unresolved = await builder.Configuration.AddSecretsAsync();

    builder.AddConsoleHost();
    builder.Services.AddFleet(builder.Configuration, unresolved);
    builder.Services.AddObservation();
    builder.Services.AddReplicationObserver();
    builder.Services.AddTrafficObserver();
    builder.Services.AddObjectives();
    builder.Services.AddJobs(builder.Configuration);
    builder.Services.AddAudit();
    builder.Services.AddFailover();
    builder.Services.AddOperations();
    builder.Services.AddBackups();
    builder.Services.AddChaos();
    builder.Services.AddDrills();
    builder.Services.AddNotifications(builder.Configuration);
    builder.Services.AddConsoleUi();
    builder.Services.AddAccess(builder.Configuration);
    builder.Services.AddSingleSignOn(builder.Configuration);
    builder.Services.AddApi();
    builder.Services.AddTelemetry(builder.Configuration);
    builder.Services.AddSignalR().AddJsonProtocol(json => WireJson.Configure(json.PayloadSerializerOptions));

    var app = builder.Build();
    await app.PrepareAsync();
    app.UseConsolePipeline();
    app.MapHealth();
    app.MapMetrics();
    app.MapApi();
    app.MapSignOut();
    app.MapSingleSignOn();
    app.MapHub<FleetHub>(FleetHub.Path);
    app.MapConsoleUi();
    await app.RunAsync();
    return 0;
}
catch (Exception mistake) when (mistake is ConfigurationMistakesException or OptionsValidationException or FileNotFoundException or InvalidDataException)
{
    await Console.Error.WriteLineAsync(mistake.Message);
    return ConfigurationMistakesException.ExitCode;
}
