using System.Text.Json.Nodes;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Audit;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Operations.Execution;
using OpsConsole.Core.Persistence;
using OpsConsole.Testing;

namespace OpsConsole.Core.Tests.Operations;

internal sealed class FakeAudit : IAuditLog
{
    private readonly List<AuditDraft> _entries = [];
    public bool Fails { get; set; }
    public IReadOnlyList<AuditDraft> Entries { get { lock (_entries) return [.. _entries]; } }

    public Task AppendAsync(AuditDraft draft, CancellationToken cancel = default)
    {
        if (Fails) throw new InvalidOperationException("the audit log is full");
        lock (_entries) _entries.Add(draft);
        return Task.CompletedTask;
    }
}

/// <summary>A console database with a scripted world; nodes come and go.</summary>
internal sealed class TestFleet : IAsyncDisposable
{
    private readonly List<TestNode> _nodes = [];
    private readonly string _directory = Path.Combine(Path.GetTempPath(), $"ops-{Guid.NewGuid():N}");

    private TestFleet(TestDatabase database) => Database = database;

    public TestDatabase Database { get; }
    public ScriptedWorld World { get; } = new();
    public FakeAudit Audit { get; } = new();
    public List<Alarm> Alarms { get; } = [];
    public ScriptedPlanner[] Planners { get; } = [new("test"), new(OperationKinds.Failover), new(OperationKinds.Experiment), new(OperationKinds.Restore)];
    public TimeProvider Clock { get; init; } = TimeProvider.System;
    public static TestFleet Of(TestDatabase database, Action<IServiceCollection> more, TimeProvider? clock = null) => new(database) { More = more, Clock = clock ?? TimeProvider.System };

    /// <summary>Further services of every node; the planners among them take the place of the scripted ones.</summary>
    public Action<IServiceCollection>? More { get; init; }

    public static async Task<TestFleet> CreateAsync(TimeProvider? clock = null, Action<IServiceCollection>? more = null) =>
        new(await TestDatabase.CreateAsync(OperationsDb.ConsoleSchema)) { Clock = clock ?? TimeProvider.System, More = more };

    /// <param name="home">nodes with the same home are starts of the same node</param>
    public TestNode Node(string home = "a", Action<OperationsOptions>? configure = null, IFleetSessions? sessions = null)
    {
        var node = new TestNode(this, Path.Combine(_directory, home), configure, sessions);
        _nodes.Add(node);
        return node;
    }

    public async Task ExecuteAsync(string sql)
    {
        await using var connection = await Database.Console.App.OpenConnectionAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>As if the lease's seconds had passed.</summary>
    public Task LeasesRunOutAsync() => ExecuteAsync("UPDATE ops.operation SET lease_until = '-infinity', section_until = CASE WHEN section_until IS NOT NULL THEN '-infinity'::timestamptz END WHERE holder IS NOT NULL");

    public async ValueTask DisposeAsync()
    {
        foreach (var node in _nodes)
            await node.DisposeAsync();
        await Database.DisposeAsync();
        if (Directory.Exists(_directory)) Directory.Delete(_directory, recursive: true);
    }
}

/// <summary>One console process, as far as operations go.</summary>
internal sealed class TestNode : IAsyncDisposable
{
    private readonly ServiceProvider _services;
    private readonly CancellationTokenSource _shutdown = new();
    private bool _disposed;
    private bool _started;

    public TestNode(TestFleet fleet, string directory, Action<OperationsOptions>? configure, IFleetSessions? sessions)
    {
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddSingleton<IConfiguration>(new ConfigurationBuilder().AddInMemoryCollection([]).Build());
        services.AddSingleton(fleet.Clock);
        services.AddSingleton(fleet.Database.Console);
        services.AddSingleton<IAuditLog>(fleet.Audit);
        services.AddSingleton<IAlarmSink>(new AlarmList(fleet.Alarms));
        services.AddSingleton(fleet.World);
        services.AddSingleton<IStep, SetStep>();
        services.AddSingleton<IStep, OnceStep>();
        services.AddSingleton<IStep, WaitStep>();
        fleet.More?.Invoke(services);
        foreach (var planner in fleet.Planners.Where(_ => fleet.More is null))
            services.AddSingleton<IPlanner>(planner);
        if (sessions is not null) services.AddSingleton(sessions);
        services.AddSingleton<ExecutionTrace, KillTrace>();
        services.AddOperations();
        services.Configure<OperationsOptions>(o =>
        {
            (o.JournalDirectory, o.FirstPauseSeconds, o.LongestPauseSeconds, o.StubbornAttempts) = (directory, 0.01, 0.05, 3);
            (o.RenewSeconds, o.PollSeconds, o.SettleSeconds) = (0.05, 0.1, 0.2);
            configure?.Invoke(o);
        });
        _services = services.BuildServiceProvider();
    }

    public KillTrace Trace => (KillTrace)Get<ExecutionTrace>();
    public OperationService Operations => Get<OperationService>();
    public ApprovalService Approvals => Get<ApprovalService>();
    public OperationReader Reader => Get<OperationReader>();

    public T Get<T>() where T : notnull => _services.GetRequiredService<T>();

    /// <summary>As the console does before its host starts.</summary>
    public Task RecoverAsync()
    {
        _started = true;
        return _services.RecoverOperationsAsync(CancellationToken.None);
    }

    /// <summary>Starts the background services, as the host does.</summary>
    public async Task StartAsync()
    {
        _started = true;
        foreach (var hosted in _services.GetServices<IHostedService>())
            await hosted.StartAsync(CancellationToken.None);
    }

    /// <summary>Takes the operation if it may and runs it until its end, its death or the loss of its lease.</summary>
    public async Task<bool> RunAsync(Guid id)
    {
        var parts = Get<ExecutionParts>();
        if ((await parts.Leases.CandidatesAsync(default)).SingleOrDefault(c => c.Id == id) is not { } candidate) return false;
        if (await parts.Leases.TakeAsync(candidate, default) is not { } epoch) return false;
        await using var lease = new Lease(parts.Leases, id, epoch, candidate.Covered, parts.Options, parts.Clock, parts.Log);
        try
        {
            await new Lifecycle(parts, lease, candidate, _shutdown.Token).RunAsync();
        }
        catch (KilledException)
        {
            return true;
        }
        return true;
    }

    /// <summary>Follows it to its end.</summary>
    public async Task<Operation> EndAsync(Guid id)
    {
        await foreach (var happened in Get<IOperationFeed>().FollowAsync(id, 0, Limit()))
            Assert.Equal(id, happened.OperationId);
        return await Reader.GetAsync(id);
    }

    internal static CancellationToken Limit() => new CancellationTokenSource(TimeSpan.FromSeconds(20)).Token;

    public Task<Submitted> SubmitAsync(string steps, string resource = "cluster:orders", string kind = "test", Person? person = null, Action<JsonObject>? more = null, Func<OperationRequest, OperationRequest>? with = null)
    {
        var request = new JsonObject { ["steps"] = steps, ["resource"] = resource };
        more?.Invoke(request);
        var ask = new OperationRequest(kind, request, "because");
        return Operations.SubmitAsync(with is null ? ask : with(ask), person ?? People.Operator);
    }

    public async ValueTask DisposeAsync()
    {
        if (_disposed) return;
        _disposed = true;
        if (_started)
        {
            foreach (var hosted in _services.GetServices<IHostedService>().Reverse())
                await hosted.StopAsync(CancellationToken.None);
        }
        await _services.DisposeAsync();
        _shutdown.Dispose();
    }

    private sealed class AlarmList(List<Alarm> alarms) : IAlarmSink
    {
        public void Raise(Alarm alarm)
        {
            lock (alarms) alarms.Add(alarm);
        }
    }
}

internal static class People
{
    public static Person Operator { get; } = new("u1", "operator@example.org", [Roles.Operator], ["oidc:x:1"]);
    public static Person OperatorWithProof(TimeProvider clock) => Operator with { StepUp = new StepUpProof("totp", clock.GetUtcNow()) };
    public static Person Viewer { get; } = new("u9", "viewer@example.org", [Roles.Viewer], []);
    public static Person Administrator { get; } = new("u8", "administrator@example.org", [Roles.Administrator], []);
    public static Person Approver(int number, TimeProvider? clock = null) => new($"a{number}", $"approver{number}@example.org", [Roles.Approver], [$"oidc:x:a{number}"],
        clock is null ? null : new StepUpProof("totp", clock.GetUtcNow()));
}
