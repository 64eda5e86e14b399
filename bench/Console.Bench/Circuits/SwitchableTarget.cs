using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace OpsConsole.Bench.Circuits;

/// <summary>Answers for every service; number 0 turns bad and good on command, and tells when it is about to give the first such answer.</summary>
internal sealed class SwitchableTarget
{
    private volatile Answer _answer = new(false, null);

    public void Switch(bool failing, Action answered) => _answer = new Answer(failing, answered);

    public async Task<WebApplication> StartAsync(int port)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://127.0.0.1:{port}");
        var app = builder.Build();
        app.Run(async context =>
        {
            var answer = context.Request.Path == "/0" ? _answer : null;
            context.Response.StatusCode = answer is { Failing: true } ? 503 : 200;
            answer?.Given();
            await context.Response.WriteAsync("ok");
        });
        await app.StartAsync();
        return app;
    }

    private sealed class Answer(bool failing, Action? first)
    {
        private Action? _first = first;

        public bool Failing => failing;

        public void Given() => Interlocked.Exchange(ref _first, null)?.Invoke();
    }
}
