using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using OpsConsole.Core.Drivers.Hosts;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Drivers.Redis;
using OpsConsole.Core.Failover.Contingencies;
using OpsConsole.Core.Failover.Detection;
using OpsConsole.Core.Failover.Measuring;
using OpsConsole.Core.Failover.Readiness;
using OpsConsole.Core.Failover.Steps;
using OpsConsole.Core.Failover.Topology;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Objectives;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Traffic;

namespace OpsConsole.Core.Failover;

public static class FailoverRegistration
{
    /// <summary>Switchover and failover. Needs AddFleet and AddObservation; call it before AddOperations, which takes its sessions on the fleet.</summary>
    public static IServiceCollection AddFailover(this IServiceCollection services)
    {
        services.AddOptions<FailoverOptions>().BindConfiguration(FailoverOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<FailoverOptions>, FailoverOptionsValidator>();
        services.AddSingleton(s => s.GetRequiredService<IOptions<FailoverOptions>>().Value);
        services.TryAddSingleton<IHostShell, HostShell>();
        services.AddSingleton<NodeHost>();
        services.AddSingleton<RedisControl>();
        services.AddSingleton<TrafficEdge>();
        services.AddSingleton<PulseMeters>();
        services.AddSingleton<LastSeen>();
        services.AddSingleton<RoundTrips>();
        services.AddSingleton<OldPrimary>();
        services.AddSingleton<IFleetSessions, PostgresFleetSessions>();
        services.AddSingleton<FailoverParts>();
        services.AddSingleton<IFailoverFacts, FailoverFacts>();
        services.AddSingleton<IFailoverReadiness, FailoverReadiness>();
        services.AddSingleton<IObserver, ReadinessObserver>();
        services.AddSingleton<FailoverPlanner>();
        services.AddSingleton<IPlanner>(s => s.GetRequiredService<FailoverPlanner>());
        services.AddSingleton<IRecoveryProofs, FailoverProofs>();
        services.AddSingleton<ContingencyPlans>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<ContingencyPlans>());
        services.AddSingleton<IObserver, AdviceObserver>();
        services.AddSingleton<IPlanner, RejoinPlanner>();
        services.AddSingleton<IPlanner, TopologyPlanner>();
        services.AddSingleton(FailoverDb.ConsoleSchema);
        services.AddSingleton<AutomaticFailover>();
        services.AddSingleton<IHostedService, FailureDetector>();
        foreach (var step in Steps) services.AddSingleton(typeof(IStep), step);
        return services;
    }

    /// <summary>Code of every step that a plan may name.</summary>
    public static IReadOnlyList<Type> Steps { get; } =
    [
        typeof(OpenFleet), typeof(EnsureSlots), typeof(Checkpoint), typeof(FillSegment), typeof(ConfirmOnTarget), typeof(PresetConfirmations), typeof(FollowTarget), typeof(DetachStandbys), typeof(CatchUp),
        typeof(StopSource), typeof(CompareLog), typeof(Promote), typeof(CommitInForce), typeof(RestoreConfirmations), typeof(CutWrites), typeof(LeadWrites), typeof(PauseClients),
        typeof(ResumeClients), typeof(ShiftTraffic), typeof(OpenTraffic), typeof(WatchTarget), typeof(FenceSource), typeof(VerifyService), typeof(RejoinSource), typeof(RunHook), typeof(StartService), typeof(ScaleService), typeof(PromoteCache), typeof(FollowCache), typeof(Measure),
        typeof(LeaveLogDestination), typeof(ReturnLogDestination), typeof(RepointStandby), typeof(CopyStandby), typeof(DropSlots),
    ];
}
