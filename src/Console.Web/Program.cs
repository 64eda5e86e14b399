using OpsConsole.Core.Persistence;

var builder = WebApplication.CreateBuilder(args);
var configuration = builder.Configuration;

builder.Services.AddSingleton(TimeProvider.System);
builder.Services.AddSingleton(_ => new ConsoleDatabase(
    configuration.GetConnectionString("Owner") ?? throw new InvalidOperationException("ConnectionStrings:Owner is missing: the role that owns and migrates the console's database."),
    configuration.GetConnectionString("Console") ?? throw new InvalidOperationException("ConnectionStrings:Console is missing: the least-privileged role that the console runs as.")));
builder.Services.AddSingleton<DatabaseMigrator>();

var app = builder.Build();
await app.Services.GetRequiredService<DatabaseMigrator>().MigrateAsync(app.Lifetime.ApplicationStopping);
await app.RunAsync();
