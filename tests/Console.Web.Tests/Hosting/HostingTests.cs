using System.Net;
using Microsoft.AspNetCore.Http.Connections;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.Extensions.DependencyInjection;
using OpsConsole.Core.Approvals;
using OpsConsole.Web.Hosting;
using OpsConsole.Web.Hubs;

namespace OpsConsole.Web.Tests.Hosting;

public sealed class HostingTests(ConsoleApp app)
{
    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("/signin")]
    [InlineData("/api/v1/status")]
    [InlineData("/api/v1/nothing")]
    [InlineData("/healthz")]
    public async Task EveryAnswer_CarriesTheSecurityHeaders(string path)
    {
        using var client = app.Nobody("https");

        var answer = await client.GetAsync(path, Cancel);

        var policy = Assert.Single(answer.Headers.GetValues("Content-Security-Policy"));
        Assert.Contains("script-src 'self'", policy, StringComparison.Ordinal);
        Assert.Contains("frame-ancestors 'none'", policy, StringComparison.Ordinal);
        Assert.DoesNotContain("script-src 'self' 'unsafe", policy, StringComparison.Ordinal);
        Assert.Equal("nosniff", Assert.Single(answer.Headers.GetValues("X-Content-Type-Options")));
        Assert.Equal("DENY", Assert.Single(answer.Headers.GetValues("X-Frame-Options")));
        Assert.StartsWith("max-age=31536000", Assert.Single(answer.Headers.GetValues("Strict-Transport-Security")), StringComparison.Ordinal);
        Assert.False(answer.Headers.Contains("Server"));
    }

    [Fact]
    public async Task Cors_FromAnOriginThatIsNotListed_IsNotGranted()
    {
        using var client = app.Nobody();
        client.DefaultRequestHeaders.Add("Origin", "https://evil.example");

        var answer = await client.GetAsync("/api/v1/status", Cancel);

        Assert.False(answer.Headers.Contains("Access-Control-Allow-Origin"));
    }

    [Fact]
    public async Task Health_OfTheProcess_NeedsNoSignIn()
    {
        Assert.Equal(HttpStatusCode.OK, (await app.Nobody().GetAsync("/healthz", Cancel)).StatusCode);
    }

    [Fact]
    public async Task Readiness_BeforeAnythingWasSeen_IsRefusedAndSaysWhy()
    {
        var answer = await app.Nobody().GetAsync("/readyz", Cancel);

        Assert.Equal(HttpStatusCode.ServiceUnavailable, answer.StatusCode);
        Assert.Contains("nothing has been seen yet", await answer.Content.ReadAsStringAsync(Cancel), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Metrics_FromElsewhere_NeedAToken()
    {
        using var elsewhere = app.Nobody();
        elsewhere.DefaultRequestHeaders.Add("Test-Address", "203.0.113.9");
        using var token = await app.TokenAsync(Roles.Viewer, "read");
        token.DefaultRequestHeaders.Add("Test-Address", "203.0.113.9");
        using var proxied = app.Nobody();
        proxied.DefaultRequestHeaders.Add("X-Forwarded-For", "203.0.113.9");

        Assert.Equal(HttpStatusCode.Unauthorized, (await elsewhere.GetAsync("/metrics", Cancel)).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await proxied.GetAsync("/metrics", Cancel)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await token.GetAsync("/metrics", Cancel)).StatusCode);
        var local = await (await app.Nobody().GetAsync("/metrics", Cancel)).Content.ReadAsStringAsync(Cancel);
        Assert.Contains("dr_overall_status", local, StringComparison.Ordinal);
    }

    /// <summary>The client of docs/hub.md.</summary>
    [Fact]
    public async Task Hub_WithAToken_StreamsTheSnapshotFirst()
    {
        using var client = await app.TokenAsync(Roles.Viewer, "read");
        var token = client.DefaultRequestHeaders.Authorization!.Parameter;
        await using var connection = new HubConnectionBuilder()
            .WithUrl(new Uri("http://localhost/hubs/fleet"), options =>
            {
                options.AccessTokenProvider = () => Task.FromResult(token);
                options.HttpMessageHandlerFactory = _ => app.Server.CreateHandler();
                options.Transports = HttpTransportType.LongPolling;
            })
            .AddJsonProtocol(json => WireJson.Configure(json.PayloadSerializerOptions))
            .Build();
        await connection.StartAsync(Cancel);

        await using var messages = connection.StreamAsync<FleetMessage>("Watch", Cancel).GetAsyncEnumerator(Cancel);
        Assert.True(await messages.MoveNextAsync());

        Assert.Equal("snapshot", messages.Current.Type);
    }

    [Fact]
    public async Task Hub_WithoutAToken_IsRefusedAndNotRedirected()
    {
        await ConsoleApp.ProblemAsync(await app.Nobody().PostAsync("/hubs/fleet/negotiate?negotiateVersion=1", null, Cancel), HttpStatusCode.Unauthorized);
    }

    [Fact]
    public async Task Docs_LoadNothingFromElsewhere()
    {
        using var client = app.Nobody();

        var page = await (await client.GetAsync("/docs", Cancel)).Content.ReadAsStringAsync(Cancel);

        Assert.DoesNotContain("http://", page, StringComparison.Ordinal);
        Assert.DoesNotContain("https://", page, StringComparison.Ordinal);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/docs/scalar/scalar.js", Cancel)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await client.GetAsync("/js/api-docs.js", Cancel)).StatusCode);
    }
}
