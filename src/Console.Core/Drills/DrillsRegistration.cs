using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using OpsConsole.Core.Chaos;
using OpsConsole.Core.Drills.Reports;
using OpsConsole.Core.Drills.Schedules;
using OpsConsole.Core.Drills.Tests;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Objectives;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Drills;

public static class DrillsRegistration
{
    /// <summary>Readiness, drills, their schedules, reports. Needs AddOperations and AddChaos.</summary>
    public static IServiceCollection AddDrills(this IServiceCollection services)
    {
        services.AddOptions<DrillsOptions>().BindConfiguration(DrillsOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<DrillsOptions>, DrillsOptionsValidator>();
        services.AddSingleton(s => s.GetRequiredService<IOptions<DrillsOptions>>().Value);
        services.AddSingleton(DrillsDb.ConsoleSchema);
        services.AddSingleton<ReportBuilder>();
        services.AddSingleton<DrillHistory>();
        services.AddSingleton<DrillReadiness>();
        services.AddSingleton<IRecoveryProofs, DrillProofs>();
        services.AddSingleton<DrillPlanner>();
        services.AddSingleton<IPlanner>(s => s.GetRequiredService<DrillPlanner>());
        services.AddSingleton<ScheduleRunner>();
        foreach (var step in Steps) services.AddSingleton(typeof(IStep), step);
        AddTests(services);
        return services;
    }

    /// <summary>Code of every step that a plan may name.</summary>
    public static IReadOnlyList<Type> Steps { get; } = [typeof(DrillTestStep), typeof(DrillMoveStep), typeof(DrillChildStep), typeof(DrillVerdictStep)];

    private static void AddTests(IServiceCollection services)
    {
        foreach (var test in (Type[])[typeof(ConnectivityTest), typeof(ReplicationTest), typeof(DriftTest), typeof(DependencyTest), typeof(HostCommandTest), typeof(BackupProvenTest), typeof(ResidencyTest), typeof(CopiesResidencyTest), typeof(AuditChainTest), typeof(ContactsTest), typeof(ObjectivesTest)])
            services.AddSingleton(typeof(IDrillTest), test);
        foreach (var after in (bool[])[false, true])
            services.AddSingleton<IDrillTest>(s => new WritePathTest(s.GetRequiredService<FleetModel>(), s.GetRequiredService<IFleetFeed>(), s.GetRequiredService<TimeProvider>(), after));
        services.AddSingleton<IDrillTest>(s => new ReadinessTest(s.GetRequiredService<IFleetFeed>(), "capacity", "capacity-n-1"));
        services.AddSingleton<IDrillTest>(s => new LoadTest(s.GetRequiredService<ChaosOptions>(), s.GetRequiredService<TimeProvider>(), "load", 10, mostErrorPercent: 1, mostP95Ms: 1000));
        services.AddSingleton<IDrillTest>(s => new LoadTest(s.GetRequiredService<ChaosOptions>(), s.GetRequiredService<TimeProvider>(), "stress", 40, mostErrorPercent: 5, mostP95Ms: 3000));
    }
}
