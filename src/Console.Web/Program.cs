using OpsConsole.Core.Audit;
using OpsConsole.Web.Api;
using OpsConsole.Web.Hosting;
using OpsConsole.Web.Identity;

var builder = WebApplication.CreateBuilder(new WebApplicationOptions { Args = args, ContentRootPath = AppContext.BaseDirectory });
builder.Configuration.AddOperatorFiles();
var configuration = builder.Configuration;

builder.AddConsoleHost();
builder.Services.AddAudit();
builder.Services.AddAccess(configuration);
builder.Services.AddApi();

var app = builder.Build();
await app.PrepareAsync();
app.UseConsolePipeline();
app.MapHealth();
app.MapApi();
await app.RunAsync();
