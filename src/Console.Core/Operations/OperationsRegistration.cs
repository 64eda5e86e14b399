using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Audit;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations.Execution;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Operations;

public static class OperationsRegistration
{
    /// <summary>The operation engine and approvals. A capability adds its <see cref="IPlanner"/> and <see cref="IStep"/>s as singletons.</summary>
    public static IServiceCollection AddOperations(this IServiceCollection services)
    {
        services.AddOptions<OperationsOptions>().BindConfiguration(OperationsOptions.Section).ValidateOnStart();
        services.AddSingleton<IValidateOptions<OperationsOptions>, OperationsOptionsValidator>();
        services.AddSingleton(s => s.GetRequiredService<IOptions<OperationsOptions>>().Value);
        services.AddSingleton(OperationsDb.ConsoleSchema);
        services.AddSingleton(s => NodeIdentity.Claim(s.GetRequiredService<OperationsOptions>().JournalDirectory));
        services.TryAddSingleton<IFleetSessions, NoFleetSessions>();
        services.AddSingleton<StepRegistry>();
        services.AddSingleton<PlannerRegistry>();
        services.AddSingleton<OperationReader>();
        services.AddSingleton<OperationStateChanger>();
        services.AddSingleton<OperationSignals>();
        services.AddSingleton<IOperationFeed, OperationFeed>();
        services.AddSingleton<OperationSubmission>();
        services.AddSingleton(s => new OperationService(
            s.GetRequiredService<ConsoleDatabase>(), s.GetRequiredService<OperationStateChanger>(), s.GetRequiredService<OperationReader>(),
            s.GetRequiredService<OperationSubmission>(), s.GetRequiredService<IAuditLog>(), s.GetRequiredService<TimeProvider>()));
        services.AddSingleton(s => new EmergencyStop(
            s.GetRequiredService<ConsoleDatabase>(), s.GetRequiredService<OperationStateChanger>(), s.GetRequiredService<OperationReader>(),
            s.GetRequiredService<IAuditLog>(), s.GetRequiredService<TimeProvider>()));
        services.AddSingleton<Automation>();
        services.AddSingleton<MonitoringPause>();
        services.AddSingleton<Health.Probing.IMonitoringPause>(s => s.GetRequiredService<MonitoringPause>());
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<MonitoringPause>());
        services.AddSingleton<IChangeSource, OperationChanges>();
        AddApprovals(services);
        AddRunner(services);
        return services;
    }

    /// <summary>Takes over what this node's dead predecessor left, before anything else is up. Needs the schemas only.</summary>
    public static Task RecoverOperationsAsync(this IServiceProvider services, CancellationToken cancel) => services.GetRequiredService<OperationRunner>().RecoverAsync(cancel);

    private static void AddApprovals(IServiceCollection services)
    {
        services.AddSingleton(s => new ApprovalService(
            s.GetRequiredService<ConsoleDatabase>(), s.GetRequiredService<OperationStateChanger>(), s.GetRequiredService<OperationReader>(),
            s.GetRequiredService<PlannerRegistry>(), s.GetRequiredService<IAuditLog>(), s.GetServices<IAlarmSink>(), s.GetRequiredService<TimeProvider>()));
        services.AddSingleton<ApprovalPolicies>();
        services.AddSingleton<Reviews>();
        services.AddSingleton<IRunnerChore, ExpiryChore>();
        services.AddSingleton<IRunnerChore, EmergencyStopChore>();
    }

    private static void AddRunner(IServiceCollection services)
    {
        services.AddSingleton<DatabaseJournal>();
        services.AddSingleton<Leases>();
        services.TryAddSingleton<ExecutionTrace>();
        services.AddSingleton<Registration>();
        services.AddSingleton<ExecutionParts>();
        services.AddSingleton<OperationRunner>();
        services.AddSingleton(s => new LocalOperations(
            s.GetRequiredService<OperationRunner>(), s.GetRequiredService<Leases>(), s.GetRequiredService<PlannerRegistry>(), s.GetRequiredService<StepRegistry>(),
            s.GetRequiredService<NodeIdentity>(), s.GetRequiredService<TimeProvider>()));
        services.AddSingleton<OperationListener>();
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<OperationListener>());
        services.AddSingleton<IHostedService>(s => s.GetRequiredService<OperationRunner>());
    }
}

internal sealed class OperationsOptionsValidator : IValidateOptions<OperationsOptions>
{
    public ValidateOptionsResult Validate(string? name, OperationsOptions options)
    {
        var mistakes = options.Mistakes().ToList();
        return mistakes.Count == 0 ? ValidateOptionsResult.Success : ValidateOptionsResult.Fail(mistakes);
    }
}
