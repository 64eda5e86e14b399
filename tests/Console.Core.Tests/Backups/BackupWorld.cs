using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Operations;
using OpsConsole.Core.Backups.Restoring;
using OpsConsole.Core.Backups.Schedules;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Failover;
using OpsConsole.Core.Failover.Detection;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Fleet.Configuration;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Tests.Fleet;
using OpsConsole.Testing;

namespace OpsConsole.Core.Tests.Backups;

/// <summary>What outlives a console: what is stored, and what runs on the hosts.</summary>
internal sealed class BackupWorld : IBackupEngine, IHostShell
{
    public ConcurrentDictionary<Guid, TakenBackup> Stored { get; } = [];
    /// <summary>Places that are taken: <c>region:port</c> to operation.</summary>
    public ConcurrentDictionary<string, string> Instances { get; } = [];
    public ConcurrentDictionary<string, bool> Running { get; } = [];
    public int Taken;
    /// <summary>What this operation has made cannot be removed.</summary>
    public Guid? Stuck { get; set; }
    /// <summary>Stores take or lift no hold.</summary>
    public bool HoldFails { get; set; }
    public ConcurrentDictionary<string, bool> Held { get; } = [];
    /// <summary>A host command that does not answer.</summary>
    public string? Silent { get; set; }
    /// <summary>How often each host command was run.</summary>
    public ConcurrentDictionary<string, int> Ran { get; } = [];
    /// <summary>Ports of the places for restored instances.</summary>
    public IReadOnlyList<int> Ports { get; init; } = [5999];
    /// <summary>What is configured besides places and engine.</summary>
    public Action<BackupsOptions> Configure { get; init; } = _ => { };
    public EngineCapabilities Capabilities { get; set; } = new(true, true, false, true);
    /// <summary>How a restore fails; null: it does not.</summary>
    public BackupEngineException? RestoreFails { get; set; }
    /// <summary>Restored servers end as soon as they are started.</summary>
    public bool ServersEnd { get; set; }
    public string ServersSay { get; set; } = "";

    public string Id => BackupEngines.PgBackRest;
    public IReadOnlyList<string> Repositories(string cluster) => ["store"];

    public Task<TakenBackup> TakeAsync(TakeOrder order, BackupProgress progress, CancellationToken cancel) => Task.FromResult(Stored.GetOrAdd(order.Operation, id =>
    {
        Interlocked.Increment(ref Taken);
        var now = DateTimeOffset.UnixEpoch.AddDays(20_000).AddSeconds(Taken);
        return new TakenBackup(order.Type, now, now, 10, null, "0/1", 1, [new TakenCopy("store", $"L{Taken}", 10)]);
    }));

    public Task<TakenBackup?> FindAsync(string cluster, Guid operation, CancellationToken cancel) => Task.FromResult(Stored.GetValueOrDefault(operation));

    public Task AbandonAsync(string cluster, Guid operation, CancellationToken cancel)
    {
        if (operation == Stuck) throw new BackupEngineException("it is locked");
        Stored.TryRemove(operation, out _);
        return Task.CompletedTask;
    }

    public Task<IReadOnlyList<Guid>> OperationsAsync(string cluster, CancellationToken cancel) => Task.FromResult<IReadOnlyList<Guid>>([.. Stored.Keys]);

    public Task<IReadOnlyList<CopyVerdict>> VerifyAsync(string cluster, IReadOnlyList<BackupCopy> copies, BackupProgress progress, CancellationToken cancel) =>
        Task.FromResult<IReadOnlyList<CopyVerdict>>([.. copies.Select(c => new CopyVerdict(c.Repository, Stored.Values.Any(s => s.Copies[0].Label == c.Label), "looked"))]);

    public Task RestoreAsync(RestoreOrder order, BackupProgress progress, CancellationToken cancel) => RestoreFails is { } failure ? Task.FromException(failure) : Task.CompletedTask;

    public Task ExpireAsync(string cluster, IReadOnlyList<BackupCopy> copies, CancellationToken cancel)
    {
        foreach (var gone in Stored.Where(s => copies.Any(c => c.Label == s.Value.Copies[0].Label)).Select(s => s.Key).ToList()) Stored.TryRemove(gone, out _);
        return Task.CompletedTask;
    }

    public Task HoldAsync(string cluster, IReadOnlyList<BackupCopy> copies, bool held, CancellationToken cancel)
    {
        if (HoldFails) throw new BackupEngineException("the store does not answer");
        foreach (var copy in copies) Held[copy.Label] = held;
        return Task.CompletedTask;
    }

    public Task<ArchivedLog?> ArchivedAsync(string cluster, CancellationToken cancel) => Task.FromResult<ArchivedLog?>(null);

    public bool Offers(string region, string command) => command.StartsWith("instance.", StringComparison.Ordinal);

    public Task<HostCommandResult> RunAsync(string region, string command, IReadOnlyDictionary<string, string>? arguments = null, string? input = null, CancellationToken cancel = default)
    {
        Ran.AddOrUpdate(command, 1, (_, n) => n + 1);
        if (command == Silent) throw new HostShellException($"{region} does not answer");
        var port = arguments?.GetValueOrDefault("port") ?? "";
        var key = $"{region}:{port}";
        var operation = arguments?.GetValueOrDefault("operation") ?? "";
        var (exit, output) = command switch
        {
            "instance.take" => Instances.TryAdd(key, operation) ? (0, $"/restored/{port}") : (1, ""),
            "instance.start" => (0, !ServersEnd && Running.TryAdd(key, true) ? "" : ""),
            "instance.list" => (0, string.Concat(Instances.Where(i => i.Key.StartsWith(region + ":", StringComparison.Ordinal)).Select(i => $"{i.Key.Split(':')[1]} {i.Value} /restored/{i.Key.Split(':')[1]}{(Running.ContainsKey(i.Key) ? " 42" : "")}\n"))),
            "instance.log" => (0, ServersEnd ? ServersSay : ""),
            "instance.remove" => (0, Remove(key, operation)),
            _ => (0, ""),
        };
        return Task.FromResult(new HostCommandResult(exit, output, "", TimeSpan.Zero));
    }

    private string Remove(string key, string operation)
    {
        if (Instances.GetValueOrDefault(key) != operation) return "";
        Running.TryRemove(key, out _);
        Instances.TryRemove(key, out _);
        return "";
    }

    /// <summary>Services of a console that works in this world; a restored instance is the test's own PostgreSQL.</summary>
    public async Task<Action<IServiceCollection>> ServicesAsync(TestDatabase database)
    {
        var postgres = await TestPostgres.SharedAsync();
        var fleet = FleetConfiguration.Read(BentFleet.Configuration()).Options;
        var cluster = fleet.Clusters[0];
        (cluster.Database, cluster.Username, cluster.Heartbeat.Enabled) = (database.Name, "postgres", false);
        var feed = new StillFeed(FleetSnapshot.Empty with
        {
            Clusters = FleetSnapshot.Empty.Clusters.Add("orders", new ClusterState("orders", HealthStatus.Healthy, "us-east-1", 1, true, null, null, null, null, "", null, [], [], [], "", 1)),
        });
        var options = new BackupsOptions { Places = [.. Ports.Select(p => new InstancePlaceOptions { Region = "us-east-1", Port = p, Address = $"127.0.0.1:{postgres.Port}" })] };
        Configure(options);
        return services =>
        {
            services.AddMetrics();
            services.AddSingleton(fleet);
            services.AddSingleton(new FleetModel(fleet));
            services.AddSingleton<IFleetFeed>(feed);
            services.AddSingleton(options);
            services.AddSingleton<IBackupEngine>(this);
            services.AddSingleton<IHostShell>(this);
            services.AddSingleton<BackupEngineRegistry>();
            services.AddSingleton<RestorableMoments>();
            services.AddSingleton<BackupCatalogue>();
            services.AddSingleton<BackupRecords>();
            services.AddSingleton<BackupMetrics>();
            services.AddSingleton<IOperationEnd>(s => s.GetRequiredService<BackupMetrics>());
            services.AddSingleton<BackupScheduler>();
            services.AddSingleton<Instances>();
            services.AddSingleton<InstanceProof>();
            services.AddSingleton<RestoreLog>();
            services.AddSingleton<BackupParts>();
            services.AddSingleton<IPlanner, BackupPlanner>();
            services.AddSingleton<IPlanner, VerifyPlanner>();
            services.AddSingleton<IPlanner, ExpirePlanner>();
            services.AddSingleton(new FailoverOptions());
            services.AddSingleton<NodeHost>();
            services.AddSingleton<RoundTrips>();
            services.AddSingleton<OldPrimary>();
            services.AddSingleton<InPlaceNodes>();
            services.AddSingleton<IPlanner, RestorePlanner>();
            foreach (var step in new[] { typeof(TakeBackup), typeof(CheckCopies), typeof(ExpireBackup), typeof(StoreLog), typeof(OpenInstance), typeof(InspectInstance), typeof(HandOver), typeof(DiscardInstance) }) services.AddSingleton(typeof(IStep), step);
        };
    }

    private sealed class StillFeed(FleetSnapshot picture) : IFleetFeed
    {
        public FleetSnapshot Current => picture;
        public FleetSubscription Subscribe() => throw new InvalidOperationException("Nobody follows in these tests.");
    }
}
