using System.Net;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Audit;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Chaos;
using OpsConsole.Core.Drills;
using OpsConsole.Core.Failover;
using OpsConsole.Core.Failover.Detection;
using OpsConsole.Core.Failover.Measuring;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Fleet.Configuration;
using OpsConsole.Core.Health.Telemetry;
using OpsConsole.Core.Live;
using OpsConsole.Core.Live.Nodes;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Persistence;
using OpsConsole.Core.Replication;
using OpsConsole.Core.Traffic;
using OpsConsole.Fleet.Tests.Sandbox;
using OpsConsole.Sandbox.Network;
using OpsConsole.Testing;

namespace OpsConsole.Fleet.Tests.Failover;

/// <summary>A console without its web half, in this process: observes the embedded fleet and runs operations on it.</summary>
internal sealed class FailoverConsole : IAsyncDisposable
{
    private readonly ServiceProvider _services;
    private readonly TestDatabase _database;
    private readonly string _directory;
    private readonly CancellationTokenSource _over = new();
    private readonly Task _observing;
    private readonly LinkProxy _gate;
    private readonly ConsoleDatabase _state;
    private string? _primary;

    private FailoverConsole(ServiceProvider services, TestDatabase database, ConsoleDatabase state, LinkProxy gate, string directory)
    {
        (_services, _database, _state, _gate, _directory) = (services, database, state, gate, directory);
        _observing = Get<ObserverNode>().RunAsync(_over.Token);
    }

    public static async Task<FailoverConsole> StartAsync(LiveFleet fleet, params (string Key, string Value)[] settings)
    {
        var database = await TestDatabase.CreateAsync(OperationsDb.ConsoleSchema, TelemetryDb.ConsoleSchema, FailoverDb.ConsoleSchema, ChaosDb.ConsoleSchema, DrillsDb.ConsoleSchema, BackupsDb.ConsoleSchema);
        var directory = SandboxFixture.TemporaryDirectory();
        var (gate, state) = await GateAsync(database.Console);
        var configuration = new ConfigurationManager();
        var file = JsonNode.Parse(await File.ReadAllTextAsync(fleet.FleetFile))!.AsObject();
        file.Remove("ConnectionStrings"); // the state of this console lies in the tests' database
        configuration.AddJsonStream(new MemoryStream(System.Text.Encoding.UTF8.GetBytes(file.ToJsonString())));
        configuration.AddInMemoryCollection(settings.Select(s => KeyValuePair.Create(s.Key, (string?)s.Value)));
        configuration["Operations:JournalDirectory"] = directory;
        configuration["ConnectionStrings:Owner"] = database.Console.OwnerConnectionString;
        configuration["ConnectionStrings:Console"] = database.Console.AppConnectionString;
        configuration.AddSecretFiles();
        var services = new ServiceCollection();
        var lines = new LogLines();
        services.AddLogging(log => log.AddProvider(lines).AddFilter("OpsConsole.Core.Failover", LogLevel.Information).AddFilter("OpsConsole.Core.Operations", LogLevel.Information).SetMinimumLevel(LogLevel.Warning));
        services.AddSingleton<IConfiguration>(configuration);
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton(state);
        services.AddSingleton<IAuditLog, NoAudit>();
        services.AddFleet(configuration);
        services.AddObservation();
        services.AddReplicationObserver();
        services.AddTrafficObserver();
        services.AddFailover();
        services.AddOperations();
        services.AddMetrics();
        services.AddBackups();
        services.AddChaos();
        services.AddDrills();
        var alerts = new OpenAlerts();
        services.AddSingleton<ISevereConditions>(alerts);
        services.AddSingleton<IAuditReader, NoAudit>();
        var console = new FailoverConsole(services.BuildServiceProvider(), database, state, gate, directory) { Log = lines, Alerts = alerts };
        foreach (var hosted in console._services.GetServices<IHostedService>()) await hosted.StartAsync(CancellationToken.None);
        return console;
    }

    /// <summary>The console's database as if across a network that can be cut.</summary>
    private static async Task<(LinkProxy, ConsoleDatabase)> GateAsync(ConsoleDatabase database)
    {
        var at = new NpgsqlConnectionStringBuilder(database.AppConnectionString);
        var gate = new LinkProxy("console-database", new IPEndPoint(IPAddress.Loopback, TestProxy.FreePort()), new IPEndPoint(IPAddress.Loopback, at.Port), TimeSpan.Zero, TimeProvider.System);
        await gate.SetEnabledAsync(true);
        string Through(string connectionString) => new NpgsqlConnectionStringBuilder(connectionString) { Host = "127.0.0.1", Port = gate.Listen.Port }.ConnectionString;
        return (gate, new ConsoleDatabase(Through(database.OwnerConnectionString), Through(database.AppConnectionString)));
    }

    /// <summary>Takes the console's own database away, or gives it back.</summary>
    public Task DatabaseAsync(bool answers) => _gate.SetEnabledAsync(answers);

    public LogLines Log { get; private init; } = new();

    /// <summary>Severe alerts that a test raises, beside what the picture shows.</summary>
    public OpenAlerts Alerts { get; private init; } = new();

    public T Get<T>() where T : notnull => _services.GetRequiredService<T>();
    public FleetSnapshot Picture => Get<IFleetFeed>().Current;

    /// <summary>The primary that the picture names, or the one it named last: a single look without an answer is no test's business.</summary>
    public string Primary => _primary = Picture.Clusters["orders"].PrimaryRegion ?? _primary ?? throw new InvalidOperationException("No primary is seen.");

    /// <summary>Until the picture shows a primary with three standbys that stream from it.</summary>
    public Task SettledAsync(string? primary = null, int standbys = 3) => Eventually.TrueAsync(
        () => Picture.Clusters.GetValueOrDefault("orders") is { PrimaryRegion: { } seen, WriteAvailable: true } cluster && (primary ?? seen) == (_primary = seen)
            && cluster.Nodes.Count(n => n is { Role: NodeRole.Standby, ReceiverStatus: "streaming" }) >= standbys
            && Picture.Regions.Values.All(r => r.Status is HealthStatus.Healthy or HealthStatus.Degraded),
        "a primary with its standbys", TimeSpan.FromSeconds(60));

    public static JsonObject Request(string source, string target, bool planned, string strategy = "immediate", params string[] overrides) => new()
    {
        ["cluster"] = "orders", ["source"] = source, ["target"] = target, ["strategy"] = strategy, ["planned"] = planned,
        ["overrides"] = new JsonArray([.. overrides.Select(o => (JsonNode)o)]),
    };

    public Task AutomaticAsync(bool enabled) => Get<AutomaticFailover>().SetAsync("orders", enabled, "test",
        new Person("u1", "administrator@example.org", [Roles.Administrator], [], new StepUpProof("totp", TimeProvider.System.GetUtcNow())));

    /// <summary>Waits until the detector watches at the pace of an automatic cluster: its heartbeats come.</summary>
    public async Task ArmedAsync()
    {
        await AutomaticAsync(true);
        var now = TimeProvider.System.GetUtcNow();
        await Eventually.TrueAsync(() => Get<PulseMeters>().Of("orders")!.LastAcknowledgedAt > now.AddSeconds(1.5), "the detector watches");
    }

    /// <summary>The first automatic failover, once it is on record.</summary>
    public async Task<Operation> FirstFailoverAsync()
    {
        var reader = Get<OperationReader>();
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        while (true)
        {
            if ((await reader.ListAsync(OperationKinds.Failover)) is [.., var first]) return first;
            if (deadline.IsCancellationRequested) Assert.Fail($"No failover began by itself:\n{Log}");
            await Task.Delay(50);
        }
    }

    /// <summary>Asks and waits for the end.</summary>
    public Task<Operation> RunAsync(JsonObject request, TimeSpan? limit = null) => RunAsync(OperationKinds.Failover, request, limit);

    public async Task<Operation> RunAsync(string kind, JsonObject request, TimeSpan? limit = null)
    {
        var submitted = await Get<OperationService>().SubmitAsync(new OperationRequest(kind, request, "test") { StandingApproval = true }, Person.Console);
        return await EndAsync(submitted.OperationId, limit);
    }

    public async Task<Operation> EndAsync(Guid id, TimeSpan? limit = null)
    {
        var reader = Get<OperationReader>();
        using var deadline = new CancellationTokenSource(limit ?? TimeSpan.FromSeconds(90));
        var operation = await reader.GetAsync(id);
        while (!operation.State.IsEnd())
        {
            if (deadline.IsCancellationRequested) Assert.Fail($"The operation has not ended: {await StoryAsync(operation)}");
            await Task.Delay(100);
            operation = await reader.GetAsync(id);
        }
        return operation;
    }

    /// <summary>The journal, for a failure's message.</summary>
    public async Task<string> StoryAsync(Operation operation) => $"{operation.State} {operation.EndReason}\n" + string.Join('\n',
        (await Get<OperationReader>().EventsAsync(operation.Id)).Select(e => $"{e.At:HH:mm:ss.fff} {e.Kind} {(e.Step is { } s ? operation.Plan.Steps[s].Name : "")} {e.Text}")) + $"\n{operation.Result.ToJsonString()}";

    public async ValueTask DisposeAsync()
    {
        foreach (var hosted in _services.GetServices<IHostedService>().Reverse()) await hosted.StopAsync(CancellationToken.None);
        await _over.CancelAsync();
        await _observing;
        await _services.DisposeAsync();
        await _state.DisposeAsync();
        await _gate.DisposeAsync();
        await _database.DisposeAsync();
        Directory.Delete(_directory, recursive: true);
    }

    internal sealed class OpenAlerts : ISevereConditions
    {
        private volatile SevereCondition[] _open = [];
        public void Raise(SevereCondition alert) => _open = [alert];
        public void Clear() => _open = [];
        public Task<IReadOnlyList<SevereCondition>> ListAsync(CancellationToken cancel) => Task.FromResult<IReadOnlyList<SevereCondition>>(_open);
    }

    /// <summary>What the console logged, for a failure's message.</summary>
    internal sealed class LogLines : ILoggerProvider, ILogger
    {
        private readonly List<string> _lines = [];
        public override string ToString() { lock (_lines) return string.Join('\n', _lines.TakeLast(60)); }
        public ILogger CreateLogger(string categoryName) => this;
        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;
        public bool IsEnabled(LogLevel logLevel) => true;
        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            lock (_lines) _lines.Add($"{TimeProvider.System.GetUtcNow():HH:mm:ss.fff} {logLevel} {formatter(state, exception)} {exception?.Message}");
        }
        public void Dispose() { }
    }

    private sealed class NoAudit : IAuditLog, IAuditReader
    {
        public Task<IReadOnlyList<AuditEntry>> ReadAsync(AuditQuery query, CancellationToken cancel = default) => Task.FromResult<IReadOnlyList<AuditEntry>>([]);
        public Task<int> CountAsync(AuditQuery query, CancellationToken cancel = default) => Task.FromResult(0);
        public IAsyncEnumerable<AuditRow> RowsAsync(long first = 1, CancellationToken cancel = default) => AsyncEnumerable.Empty<AuditRow>();
        public Task<ChainReport> VerifyAsync(CancellationToken cancel = default) => Task.FromResult(new ChainReport(ChainVerdict.Intact, 0, null, 0, null));
        public Task AppendAsync(AuditDraft draft, CancellationToken cancel = default) => Task.CompletedTask;
    }
}
