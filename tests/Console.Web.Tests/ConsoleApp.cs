using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Time.Testing;
using OpsConsole.Core.Approvals;
using OpsConsole.Testing;
using OpsConsole.Web.Hubs;
using OpsConsole.Web.Identity;
using OtpNet;
using Totp = OtpNet.Totp;

[assembly: AssemblyFixture(typeof(OpsConsole.Web.Tests.ConsoleApp))]

namespace OpsConsole.Web.Tests;

/// <summary>The console as it is composed, on a real PostgreSQL, without what works in the background, with a clock of the tests' own.</summary>
public sealed class ConsoleApp : WebApplicationFactory<FleetHub>, IAsyncLifetime
{
    public const string Password = "four unrelated words";
    private readonly string _configuration = Path.Combine(Path.GetTempPath(), $"opsconsole-test-{Guid.NewGuid():N}.json");
    private TestDatabase? _database;

    public FakeTimeProvider Clock { get; } = new(TimeProvider.System.GetUtcNow());

    public TestDatabase Database => _database ?? throw new InvalidOperationException("The fixture has not started.");

    public async ValueTask InitializeAsync()
    {
        _database = await TestDatabase.CreateAsync();
        var json = SampleFleet.Json();
        json["ConnectionStrings"]!["Owner"] = _database.Console.OwnerConnectionString;
        json["ConnectionStrings"]!["Console"] = _database.Console.AppConnectionString;
        json["Access"] = new System.Text.Json.Nodes.JsonObject { ["SignInsPerMinute"] = 10_000, ["FirstAdministrator"] = "first@example.org" };
        await File.WriteAllTextAsync(_configuration, json.ToJsonString());
        _ = Server;
    }

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        builder.UseEnvironment("Production");
        builder.UseSetting("OPSCONSOLE_CONFIG", _configuration);
        builder.ConfigureTestServices(services =>
        {
            foreach (var background in services.Where(s => s.ServiceType == typeof(IHostedService) && s.ImplementationType?.Name != "GenericWebHostService").ToList())
                services.Remove(background);
            services.Replace(ServiceDescriptor.Singleton<TimeProvider>(Clock));
            services.AddSingleton<IStartupFilter, Addresses>();
        });
    }

    /// <summary>A client without any session; never follows redirects.</summary>
    public HttpClient Nobody(string scheme = "http")
    {
        var client = CreateClient(new WebApplicationFactoryClientOptions { AllowAutoRedirect = false, BaseAddress = new Uri($"{scheme}://localhost") });
        client.DefaultRequestHeaders.Add("X-OpsConsole", "1");
        return client;
    }

    /// <summary>A new user with these roles whose password is <see cref="Password"/>.</summary>
    public async Task<UserView> UserAsync(params string[] roles)
    {
        await using var scope = Services.CreateAsyncScope();
        var directory = scope.ServiceProvider.GetRequiredService<UserDirectory>();
        var (user, oneTime) = await directory.CreateAsync($"u{Guid.NewGuid():N}@example.org", null, roles, new AdminAct(Guid.Empty, "system", null, StepUp: new StepUpProof("test", Clock.GetUtcNow())), default);
        using var client = Nobody();
        await SignInAsync(client, user.Email, oneTime);
        var changed = await client.PutAsJsonAsync("/api/v1/me/password", new { currentPassword = oneTime, newPassword = Password });
        Assert.Equal(HttpStatusCode.NoContent, changed.StatusCode);
        return user;
    }

    public static Task<HttpResponseMessage> SignInAsync(HttpClient client, string email, string password, string? totp = null) =>
        client.PostAsJsonAsync("/api/v1/session", new { email, password, totp });

    /// <summary>A client that is signed in as a new user with these roles.</summary>
    public async Task<HttpClient> SessionAsync(params string[] roles)
    {
        var user = await UserAsync(roles);
        var client = Nobody();
        Assert.Equal(HttpStatusCode.OK, (await SignInAsync(client, user.Email, Password)).StatusCode);
        return client;
    }

    /// <summary>A client with a token of a new user with these roles.</summary>
    public async Task<HttpClient> TokenAsync(string role, params string[] scopes)
    {
        using var session = await SessionAsync(role);
        var made = await session.PostAsJsonAsync("/api/v1/me/tokens", new { name = "test", expiresInDays = 1, scopes });
        var client = CreateClient(new WebApplicationFactoryClientOptions { AllowAutoRedirect = false });
        client.DefaultRequestHeaders.Authorization = new("Bearer", (await JsonAsync(made)).GetProperty("token").GetString());
        return client;
    }

    /// <summary>Gives whoever is signed in an authenticator app. Confirmed with the code of the step before, so that the present one stays usable.</summary>
    public async Task<Totp> EnrolAsync(HttpClient client)
    {
        var begun = await JsonAsync(await client.PostAsync("/api/v1/me/totp", null));
        var totp = new Totp(Base32Encoding.ToBytes(begun.GetProperty("secret").GetString()));
        var confirmed = await client.PostAsJsonAsync("/api/v1/me/totp/confirm", new { code = Code(totp, -30) });
        Assert.Equal(HttpStatusCode.NoContent, confirmed.StatusCode);
        return totp;
    }

    public string Code(Totp totp, int seconds = 0) => totp.ComputeTotp(Clock.GetUtcNow().UtcDateTime.AddSeconds(seconds));

    /// <summary>A call with a second factor.</summary>
    public static async Task<HttpResponseMessage> ProveAsync(HttpClient client, HttpMethod method, string path, object? body, string code)
    {
        using var request = new HttpRequestMessage(method, path) { Content = body is null ? null : JsonContent.Create(body) };
        request.Headers.Add("X-Totp", code);
        return await client.SendAsync(request);
    }

    public Task<HttpClient> AdministratorAsync() => SessionAsync(Roles.Administrator);

    public static async Task<JsonElement> JsonAsync(HttpResponseMessage response) => await response.Content.ReadFromJsonAsync<JsonElement>();

    /// <summary>An error as the API promises it.</summary>
    public static async Task<JsonElement> ProblemAsync(HttpResponseMessage response, HttpStatusCode status)
    {
        Assert.Equal(status, response.StatusCode);
        Assert.Equal("application/problem+json", response.Content.Headers.ContentType?.MediaType);
        var problem = await JsonAsync(response);
        Assert.False(string.IsNullOrWhiteSpace(problem.GetProperty("title").GetString()));
        Assert.False(string.IsNullOrWhiteSpace(problem.GetProperty("detail").GetString()));
        return problem;
    }

    public override async ValueTask DisposeAsync()
    {
        await base.DisposeAsync();
        if (_database is not null)
            await _database.DisposeAsync();
        File.Delete(_configuration);
    }

    /// <summary>The test server has no addresses; callers come from this machine unless they say otherwise.</summary>
    private sealed class Addresses : IStartupFilter
    {
        public Action<IApplicationBuilder> Configure(Action<IApplicationBuilder> next) => app =>
        {
            app.Use((context, following) =>
            {
                context.Connection.RemoteIpAddress = IPAddress.Parse(context.Request.Headers["Test-Address"].FirstOrDefault() ?? "127.0.0.1");
                return following(context);
            });
            next(app);
        };
    }
}
