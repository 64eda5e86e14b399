using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace OpsConsole.Bench.Circuits;

/// <summary>Answers for every service; number 0 turns bad and good on command, and tells when the first such answer went out.</summary>
internal sealed class SwitchableTarget
{
    private volatile bool _failing;
    private Action? _answered;

    public void Switch(bool failing, Action answered)
    {
        Volatile.Write(ref _answered, answered);
        _failing = failing;
    }

    public async Task<WebApplication> StartAsync(int port)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        var app = builder.Build();
        app.Run(async context =>
        {
            var first = context.Request.Path == "/0";
            context.Response.StatusCode = first && _failing ? 503 : 200;
            await context.Response.WriteAsync("ok");
            if (first) context.Response.OnCompleted(() =>
            {
                Interlocked.Exchange(ref _answered, null)?.Invoke();
                return Task.CompletedTask;
            });
        });
        await app.StartAsync();
        return app;
    }
}
