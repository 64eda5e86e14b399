using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Microsoft.Extensions.DependencyInjection;
using OpsConsole.Core.Chaos;
using OpsConsole.Core.Failover.Measuring;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Tests.Failover;
using OpsConsole.Core.Tests.Operations;

namespace OpsConsole.Core.Tests.Chaos;

/// <summary>The console dies at every moment of an experiment: whoever comes next cleans up and does not go on, and nothing is left.</summary>
public sealed class ExperimentCrashTests
{
    /// <summary>Each takes a second: every third moment is enough to meet each kind of them.</summary>
    private const int Every = 3;

    [Fact]
    public async Task Experiment_KilledAtMomentsAllAlong_IsCleanedUpAndNotResumed()
    {
        var world = new World();
        await using var fleet = await TestFleet.CreateAsync(more: services => Register(services, world));
        var moments = await RunAsync(fleet, world, -1);
        Assert.Equal(2, world.Injected);
        Assert.True(moments > 20);
        for (var moment = 0; moment < moments; moment += Every)
        {
            world.Injected = 0;
            await RunAsync(fleet, world, moment);
            Assert.True(world.Present.IsEmpty, $"moment {moment}: {string.Join(", ", world.Present.Keys)} left");
        }
    }

    private static async Task<int> RunAsync(TestFleet fleet, World world, int killAt)
    {
        Guid id;
        int moments;
        await using (var first = fleet.Node("a"))
        {
            first.Trace.KillAt = killAt;
            id = (await first.Operations.SubmitAsync(new OperationRequest(OperationKinds.Experiment, new JsonObject { ["experiment"] = "test", ["durationSeconds"] = 1 }, "because"), People.Operator)).OperationId;
            await first.RunAsync(id);
            moments = first.Trace.Seen.Count;
        }
        var before = world.Injected;
        await using var second = fleet.Node("a");
        if (killAt >= 0)
        {
            await fleet.LeasesRunOutAsync();
            await second.RunAsync(id);
        }
        var operation = await second.Reader.GetAsync(id);
        Assert.True(operation.State.IsEnd(), $"moment {killAt}: {operation.State}");
        if (killAt >= 0 && before > 0) Assert.True(world.Injected == before, $"moment {killAt}: it went on breaking things after the takeover");
        Assert.True(operation.Result["cleanUp"]?.ToString() is "passed" or null, $"moment {killAt}: {operation.Result.ToJsonString()}");
        if (killAt < 0) Assert.True(operation.State == OperationState.Succeeded, operation.EndReason);
        return moments;
    }

    private static void Register(IServiceCollection services, World world)
    {
        var fleet = PreflightWorld.Fleet();
        var options = new ChaosOptions
        {
            AllowList = ["*"], BaselineSeconds = 0.05, RecoverySeconds = 1, WindowSeconds = 1,
            Experiments = [new ExperimentOptions { Id = "test", Title = "Test", Fault = Fake.Kind, Severity = Severity.Low, Targets = new TargetRuleOptions { Pool = TargetPool.Region, Role = "standby", Count = "2" } }],
        };
        services.AddMetrics();
        services.AddSingleton(fleet);
        services.AddSingleton(options);
        services.AddSingleton<IFleetFeed>(new Still());
        services.AddSingleton<INetworkMap, NoNetwork>();
        services.AddSingleton(s => new PulseMeters(fleet, s.GetRequiredService<TimeProvider>()));
        services.AddSingleton<IFaultInjector>(new Fake(world));
        services.AddSingleton<FaultInjectors>().AddSingleton<TargetResolver>().AddSingleton<ExperimentLibrary>().AddSingleton<OpenSevere>().AddSingleton<SteadyStates>().AddSingleton<ChaosMetrics>();
        services.AddSingleton(s => new ExperimentGuards(fleet, s.GetRequiredService<IFleetFeed>(), s.GetRequiredService<FaultInjectors>(), s.GetRequiredService<TargetResolver>(), s.GetRequiredService<OpenSevere>(), null!,
            s.GetRequiredService<OperationReader>(), s.GetRequiredService<Automation>(), options, s.GetRequiredService<TimeProvider>()));
        services.AddSingleton<IPlanner, ExperimentPlanner>();
        foreach (var step in ChaosRegistration.Steps) services.AddSingleton(typeof(IStep), step);
    }

    /// <summary>Outlives every console.</summary>
    private sealed class World
    {
        public ConcurrentDictionary<string, string> Present { get; } = new();
        public int Injected;
    }

    private sealed class Fake(World world) : IFaultInjector
    {
        public const string Kind = "test.fault";
        public IReadOnlyList<string> Kinds { get; } = [Kind];
        public Task<string?> UnavailableAsync(Fault fault, CancellationToken cancel) => Task.FromResult<string?>(null);

        public Task InjectAsync(Fault fault, CancellationToken cancel)
        {
            Interlocked.Increment(ref world.Injected);
            world.Present[fault.Tag] = fault.Target;
            return Task.CompletedTask;
        }

        public Task<FaultReading> ReadAsync(Fault fault, CancellationToken cancel) => Task.FromResult(FaultReading.Of(world.Present.ContainsKey(fault.Tag) ? 1 : 0, 1, "faults"));

        public Task RevertAsync(Fault fault, CancellationToken cancel)
        {
            world.Present.TryRemove(fault.Tag, out _);
            return Task.CompletedTask;
        }
    }

    private sealed class Still : IFleetFeed
    {
        public FleetSnapshot Current
        {
            get
            {
                var picture = PreflightWorld.Picture();
                var service = new ServiceState("us-api", "us", ServiceKind.Api, ServiceTier.High, HealthStatus.Healthy, null, null, null, null, null, null, null, null, TimeProvider.System.GetUtcNow(), TimeProvider.System.GetUtcNow(), "", [],
                    System.Collections.Immutable.ImmutableSortedDictionary<string, double>.Empty, CircuitState.Closed, 1);
                return picture with { Services = picture.Services.SetItem("us-api", service) };
            }
        }

        public FleetSubscription Subscribe() => throw new NotSupportedException("Nobody follows here.");
    }

    private sealed class NoNetwork : INetworkMap
    {
        public Task<IReadOnlyList<NetworkLink>> LinksAsync(CancellationToken cancel) => Task.FromResult<IReadOnlyList<NetworkLink>>([]);
    }
}
