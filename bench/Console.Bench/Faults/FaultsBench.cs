using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using OpsConsole.Testing.Failover;
using OpsConsole.Core.Audit;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Chaos;
using OpsConsole.Core.Failover;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Fleet.Configuration;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Persistence;
using OpsConsole.Core.Replication;
using OpsConsole.Core.Traffic;

namespace OpsConsole.Bench.Faults;

/// <summary>Every fault of the library is brought about and taken back many times; then nothing may be left of it, looked for past the injectors.</summary>
internal static class FaultsBench
{
    private static readonly TimeSpan Settle = TimeSpan.FromSeconds(20);

    /// <returns>1 when anything was left, or a fault was not there when it should have been</returns>
    public static async Task<int> RunAsync(int times, int port, string only)
    {
        await using var fleet = await FleetUnderTest.StartAsync(port, consoles: 0, ["Sandbox:Latency=off", "Sandbox:CustomersPerSecond=5"]);
        using var leftovers = new Leftovers(fleet);
        await using var services = Services(fleet, (await fleet.PrimaryAsync()).Primary!);
        var (library, resolver, injectors) = (services.GetRequiredService<ExperimentLibrary>(), services.GetRequiredService<TargetResolver>(), services.GetRequiredService<FaultInjectors>());
        var worst = 0;
        foreach (var experiment in library.All.Where(e => only.Length == 0 || only.Split(',').Contains(e.Id)))
        {
            if (experiment.Fault == FaultKinds.DatabaseFailover)
            {
                Console.WriteLine($"{experiment.Id,-24} not here: it is two switchovers, see the verb failover");
                continue;
            }
            var targets = (await resolver.ResolveAsync(experiment.Targets, default)).Chosen;
            Fault Of(string target, int round) => new(experiment.Fault, target, Fault.TagOf(Guid.NewGuid(), round), experiment.IntensityPercent ?? 50, 30, experiment.Settings);
            if ((await Task.WhenAll(targets.Select(t => injectors.UnavailableAsync(Of(t, 0), default)))).FirstOrDefault(w => w is not null) is { } why)
            {
                Console.WriteLine($"{experiment.Id,-24} not available: {why}");
                continue;
            }
            worst |= await RepeatAsync(experiment.Id, times, leftovers, injectors.Of(experiment.Fault), round => [.. targets.Select(t => Of(t, round))]);
        }
        return worst;
    }

    private static async Task<int> RepeatAsync(string name, int times, Leftovers leftovers, IFaultInjector injector, Func<int, List<Fault>> faults)
    {
        var (there, undone, left) = (0, 0, 0);
        var (inject, revert) = (new List<double>(), new List<double>());
        for (var round = 0; round < times; round++)
        {
            foreach (var fault in faults(round))
            {
                try
                {
                    inject.Add(await TimedAsync(() => injector.InjectAsync(fault, default)));
                    if (await BecomesAsync(injector, fault, FaultPresence.Present)) there++;
                }
                finally
                {
                    revert.Add(await TimedAsync(() => injector.RevertAsync(fault, default)));
                }
                if (await BecomesAsync(injector, fault, FaultPresence.Absent)) undone++;
            }
            left += await LeftAsync(leftovers) is { Count: > 0 } found ? Say(found) : 0;
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture,
            $"{name,-24} {there} of {inject.Count} were there, {undone} of {inject.Count} taken back, {left} left; inject median {Median(inject):0} ms, revert median {Median(revert):0} ms"));
        return there == inject.Count && undone == inject.Count && left == 0 ? 0 : 1;
    }

    /// <summary>Processes need a moment to answer again after they were started.</summary>
    private static async Task<IReadOnlyList<string>> LeftAsync(Leftovers leftovers)
    {
        var began = Stopwatch.GetTimestamp();
        IReadOnlyList<string> found;
        while ((found = await leftovers.FindAsync()).Count > 0 && Stopwatch.GetElapsedTime(began) < Settle) await Task.Delay(100);
        return found;
    }

    private static int Say(IReadOnlyList<string> found)
    {
        Console.WriteLine($"  left: {string.Join("; ", found)}");
        return found.Count;
    }

    private static async Task<bool> BecomesAsync(IFaultInjector injector, Fault fault, FaultPresence wanted)
    {
        var began = Stopwatch.GetTimestamp();
        while ((await injector.ReadAsync(fault, default)).Presence != wanted)
        {
            if (Stopwatch.GetElapsedTime(began) > Settle) return false;
            await Task.Delay(50);
        }
        return true;
    }

    private static async Task<double> TimedAsync(Func<Task> work)
    {
        var began = Stopwatch.GetTimestamp();
        await work();
        return Stopwatch.GetElapsedTime(began).TotalMilliseconds;
    }

    private static double Median(List<double> values) => values.Order().ElementAtOrDefault(values.Count / 2);

    /// <summary>The injectors of a console of which nothing else runs.</summary>
    private static ServiceProvider Services(FleetUnderTest fleet, string primary)
    {
        var configuration = new ConfigurationManager();
        configuration.AddJsonFile(Path.Combine(fleet.Root, "fleet.json"));
        configuration["Operations:JournalDirectory"] = fleet.Root;
        configuration.AddSecretFiles();
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddSingleton<IConfiguration>(configuration);
        services.AddSingleton(TimeProvider.System);
        services.AddSingleton(new ConsoleDatabase(configuration["ConnectionStrings:Owner"]!, configuration["ConnectionStrings:Console"]!));
        services.AddSingleton<IAuditLog, Silent>();
        services.AddFleet(configuration);
        services.AddObservation();
        services.AddReplicationObserver();
        services.AddTrafficObserver();
        services.AddFailover();
        services.AddOperations();
        services.AddBackups();
        services.AddChaos();
        services.AddSingleton<IFleetFeed>(new Still(primary));
        return services.BuildServiceProvider();
    }

    /// <summary>A picture that knows where the primary is, and nothing else.</summary>
    private sealed class Still(string primary) : IFleetFeed
    {
        public FleetSnapshot Current { get; } = FleetSnapshot.Empty with
        {
            Clusters = FleetSnapshot.Empty.Clusters.Add("orders", new ClusterState("orders", HealthStatus.Healthy, primary, 1, true, null, null, null, null, "", null, [], [], [], "", 1)),
        };

        public FleetSubscription Subscribe() => throw new NotSupportedException("Nobody follows a still picture.");
    }

    private sealed class Silent : IAuditLog
    {
        public Task AppendAsync(AuditDraft draft, CancellationToken cancel = default) => Task.CompletedTask;
    }
}
