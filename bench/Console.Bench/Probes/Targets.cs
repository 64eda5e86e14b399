using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace OpsConsole.Bench.Probes;

/// <summary>The probed side, in a process of its own so that its cost is not counted: answers 200 to everything.</summary>
internal static class Targets
{
    public static async Task RunAsync(int port)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}").ConfigureKestrel(k => k.AddServerHeader = false);
        var app = builder.Build();
        app.Run(context => context.Response.WriteAsync("ok"));
        await app.RunAsync();
    }
}
