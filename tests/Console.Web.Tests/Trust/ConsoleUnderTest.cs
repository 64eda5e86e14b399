using System.Net.Http.Headers;
using System.Text.Json.Nodes;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http.Connections;
using Microsoft.AspNetCore.Identity;
using Microsoft.AspNetCore.Mvc.Testing;
using Microsoft.AspNetCore.SignalR.Client;
using Microsoft.AspNetCore.TestHost;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;
using OpsConsole.Testing;
using OpsConsole.Web.Hosting;
using OpsConsole.Web.Hubs;
using OpsConsole.Web.Identity;


namespace OpsConsole.Web.Tests.Trust;

/// <summary>Tests that share one console run one after another: some bend what its planner says.</summary>
[CollectionDefinition(Name)]
public sealed class TrustCollection : ICollectionFixture<ConsoleUnderTest>
{
    public const string Name = "trust";
}

/// <summary>The whole console on a database of its own, as Program composes it; only the planners are scripted, since the
/// sample fleet has no databases.</summary>
public sealed class ConsoleUnderTest : WebApplicationFactory<Program>, IAsyncLifetime
{
    private readonly string _journal = Directory.CreateTempSubdirectory("opsconsole-journal").FullName;
    private TestDatabase? _database;

    internal ScriptedFailover Script { get; } = new();

    internal TestDatabase Database => _database ?? throw new InvalidOperationException("Not started.");

    /// <summary>Listens on a port of loopback.</summary>
    public bool ForBrowsers { get; init; }

    /// <summary>For browsers; passkeys refuse addresses of digits.</summary>
    public string Url => $"http://localhost:{ClientOptions.BaseAddress.Port}";

    /// <summary>Settings on top of the sample fleet; for hosts of one test.</summary>
    public Dictionary<string, string?> Settings { get; } = [];

    public async ValueTask InitializeAsync()
    {
        _database = await TestDatabase.CreateAsync();
        if (!ForBrowsers)
        {
            _ = Server;
            return;
        }
        UseKestrel(0);
        StartServer();
    }

    protected override void ConfigureWebHost(IWebHostBuilder builder)
    {
        foreach (var (key, value) in Flat(SampleFleet.Json(), ""))
            builder.UseSetting(key, value);
        builder.UseSetting("ConnectionStrings:Owner", Database.Console.OwnerConnectionString);
        builder.UseSetting("ConnectionStrings:Console", Database.Console.AppConnectionString);
        builder.UseSetting("Operations:JournalDirectory", _journal);
        builder.UseSetting("Access:SignInsPerMinute", "10000");
        foreach (var (key, value) in Settings)
            builder.UseSetting(key, value);
        builder.ConfigureLogging(log => log.AddFilter<ConsoleLoggerProvider>(null, LogLevel.Error)); // most hosts of these tests have no fleet: what they miss says nothing
        builder.ConfigureTestServices(services =>
        {
            services.RemoveAll<IPlanner>();
            services.AddSingleton<IPlanner>(Script);
            foreach (var kind in ScriptedKind.Kinds) services.AddSingleton<IPlanner>(new ScriptedKind(kind));
            services.AddSingleton<IStep>(new ScriptedStep(Script));
        });
    }

    /// <summary>A person with an account, a second factor and an API token.</summary>
    internal async Task<TestPerson> PersonAsync(params string[] roles)
    {
        await using var scope = Services.CreateAsyncScope();
        var name = $"p{Guid.NewGuid():N}"[..12];
        var (users, factor) = (scope.ServiceProvider.GetRequiredService<UserManager<ConsoleUser>>(), scope.ServiceProvider.GetRequiredService<SecondFactor>());
        var user = new ConsoleUser { Id = Guid.NewGuid(), UserName = $"{name}@example.org", Email = $"{name}@example.org", DisplayName = name };
        Assert.True((await users.CreateAsync(user, TestPerson.Password)).Succeeded);
        Assert.True((await users.AddToRolesAsync(user, roles)).Succeeded);
        var (secret, _) = await factor.BeginAsync(user, default);
        var person = new TestPerson(this, user.Id, user.Email, secret);
        Assert.Equal(CodeVerdict.Accepted, await factor.ConfirmAsync(user, person.Code(), null, default));
        var (_, token) = await scope.ServiceProvider.GetRequiredService<TokenLedger>().CreateAsync(user.Id, user.Email, "test", 1, [TokenScopes.Admin], null, default);
        person.Api.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", token);
        return person;
    }

    /// <summary>A program of the person's at the hub.</summary>
    internal HubConnection Hub(TestPerson person) => new HubConnectionBuilder().WithUrl(new Uri($"http://localhost{FleetHub.Path}"), options =>
    {
        options.AccessTokenProvider = () => Task.FromResult(person.Api.DefaultRequestHeaders.Authorization!.Parameter);
        options.HttpMessageHandlerFactory = _ => Server.CreateHandler();
        options.Transports = HttpTransportType.LongPolling;
    }).AddJsonProtocol(json => WireJson.Configure(json.PayloadSerializerOptions)).Build();

    private static IEnumerable<(string Key, string? Value)> Flat(JsonNode? node, string path) => node switch
    {
        JsonObject members => members.SelectMany(m => Flat(m.Value, path.Length == 0 ? m.Key : $"{path}:{m.Key}")),
        JsonArray items => items.SelectMany((item, i) => Flat(item, $"{path}:{i}")),
        _ => [(path, node?.ToString())],
    };

    public override async ValueTask DisposeAsync()
    {
        Script.Release();
        await base.DisposeAsync();
        if (_database is not null) await _database.DisposeAsync();
        Directory.Delete(_journal, recursive: true);
        GC.SuppressFinalize(this);
    }
}
