using System.Globalization;
using OpsConsole.Core.Fleet;
using OpsConsole.Core.Live;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Failover.Steps;

/// <summary>A standby service is started by its host. One that runs already is left as it is.</summary>
public sealed class StartService(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "failover.startService";
    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);
    // A region's availability is a share of five minutes: two of them mend what one stopped service has spoilt.
    private static readonly TimeSpan RegionPatience = TimeSpan.FromSeconds(200);

    public override async Task<WorldState> CheckAsync(StepContext context) => await RunsAsync(context) ? WorldState.Done : WorldState.NotDone;

    public override async Task ActAsync(StepContext context)
    {
        if (context.Step.Reversibility == Reversibility.Neutral && await RunsAsync(context)) return;
        await GuardAsync(context);
        var service = Service(context);
        await Parts.Hosts.RunHookAsync(service.Region, service.Commands[ServiceCommands.Start], Arguments(service), context.Cancel);
        await context.SayAsync($"{service.Id} was told to start.");
        var at = Parts.Time.GetUtcNow();
        for (var began = Parts.Time.GetTimestamp(); !await RunsAsync(context) || !Answers(service, at);)
        {
            if (Parts.Time.GetElapsedTime(began) > Patience) throw new StepFailedException($"{service.Id} does not serve {Patience.TotalSeconds.ToString("0", CultureInfo.InvariantCulture)} s after it was started.");
            await Task.Delay(Look, Parts.Time, context.Cancel);
        }
        await context.SayAsync($"{service.Id} runs and answers its probes.");
        for (var began = Parts.Time.GetTimestamp(); Parts.Feed.Current.Regions.GetValueOrDefault(service.Region)?.Status is HealthStatus.Critical or HealthStatus.Failed && Parts.Time.GetElapsedTime(began) < RegionPatience;)
            await Task.Delay(Look, Parts.Time, context.Cancel); // traffic that comes sooner would be turned back at once by the watch
    }

    protected override async Task TakeBackAsync(StepContext context)
    {
        var service = Service(context);
        await Parts.Hosts.RunHookAsync(service.Region, service.Commands[ServiceCommands.Stop], Arguments(service), context.Cancel);
        for (var began = Parts.Time.GetTimestamp(); await RunsAsync(context) && Parts.Time.GetElapsedTime(began) < Patience;) await Task.Delay(Look, Parts.Time, context.Cancel);
    }

    /// <summary>What its host says; without such a command, what probes say.</summary>
    private async Task<bool> RunsAsync(StepContext context)
    {
        var service = Service(context);
        return service.Commands.TryGetValue(ServiceCommands.Status, out var status)
            ? await Parts.Hosts.SucceedsAsync(service.Region, status, Arguments(service), context.Cancel)
            : Parts.Feed.Current.Services.GetValueOrDefault(service.Id)?.Status is HealthStatus.Healthy or HealthStatus.Degraded;
    }

    /// <summary>A process that runs does not serve yet: its probes must have passed since.</summary>
    private bool Answers(ServiceOptions service, DateTimeOffset since) =>
        Parts.Feed.Current.Services.GetValueOrDefault(service.Id) is { Status: HealthStatus.Healthy or HealthStatus.Degraded } seen && seen.LastSampleAt > since;

    private ServiceOptions Service(StepContext context) => Parts.Fleet.Services[context.Parameter<string>("service")];

    private static Dictionary<string, string> Arguments(ServiceOptions service) => new() { ["service"] = service.Id };
}

/// <summary>A standby service gets what it needs to serve for two.</summary>
public sealed class ScaleService(FailoverParts parts) : FailoverStep(parts, StepName)
{
    public const string StepName = "failover.scaleService";

    public override Task ActAsync(StepContext context) => ScaleAsync(context, context.Parameter<double>("percent"));

    // The command answers when it is done; there is nothing else to read back.
    public override Task VerifyAsync(StepContext context) => Task.CompletedTask;

    protected override Task TakeBackAsync(StepContext context) => ScaleAsync(context, 100);

    public override Task<bool> IsUndoneAsync(StepContext context) => Task.FromResult(true);

    private async Task ScaleAsync(StepContext context, double percent)
    {
        await GuardAsync(context);
        var service = Parts.Fleet.Services[context.Parameter<string>("service")];
        var said = await Parts.Hosts.RunHookAsync(service.Region, service.Commands[ServiceCommands.Scale],
            new Dictionary<string, string> { ["service"] = service.Id, ["percent"] = percent.ToString("0", CultureInfo.InvariantCulture) }, context.Cancel);
        await context.SayAsync(said.Length == 0 ? FormattableString.Invariant($"{service.Id} has {percent:0} % of its usual size.") : $"{service.Id}: {said}");
    }
}
