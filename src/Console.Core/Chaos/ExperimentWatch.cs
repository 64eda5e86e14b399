using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Operations;

namespace OpsConsole.Core.Chaos;

/// <summary>A real failover, or something severe that no experiment is expected to do, ends all running experiments and lets schedules stand
/// still until a person resumes them. On every node: what one has done is done for the others.</summary>
public sealed partial class ExperimentWatch(
    OperationReader reader, OperationService operations, OpenSevere severe, SchedulePause pause, OperationSignals signals, TimeProvider clock, ILogger<ExperimentWatch> log) : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    /// <summary>Something severe counts when it has been there for so long: a picture that is just being filled shows clusters without a primary.</summary>
    private static readonly TimeSpan Lasting = TimeSpan.FromSeconds(5);
    private static readonly string[] Ended = [OperationKinds.Experiment, OperationKinds.Drill];

    private readonly Dictionary<string, long> _since = [];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var subscription = signals.Subscribe();
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await LookAsync(stoppingToken);
                await WaitAsync(subscription, stoppingToken);
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                LookFailed(log, failure.Message);
                await Task.Delay(Interval, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    /// <summary>One look, and what follows from it.</summary>
    internal async Task LookAsync(CancellationToken cancel)
    {
        if ((await ListAsync(OperationKinds.Failover, cancel)).FirstOrDefault(f => !f.Request.ContainsKey(FailoverFault.PartOf)) is { } move)
        {
            foreach (var kind in Ended) await EndAsync(await ListAsync(kind, cancel), $"gives way to {move.Plan.Title}", cancel);
            await pause.PauseAsync($"failover:{move.Id}", $"{move.Plan.Title}: schedules wait until somebody resumes them.", Person.Console, cancel);
        }
        var running = await ListAsync(OperationKinds.Experiment, cancel);
        if (Lasts(await severe.UnexpectedAsync(running, cancel)) is not { } worst) return;
        await EndAsync(running, $"something severe that it is not expected to do: {worst.What}", cancel);
        await pause.PauseAsync(worst.Id, $"{worst.What}: schedules wait until somebody resumes them.", Person.Console, cancel);
    }

    private SevereCondition? Lasts(IReadOnlyList<SevereCondition> open)
    {
        foreach (var gone in _since.Keys.Except(open.Select(o => o.Id)).ToList()) _since.Remove(gone);
        foreach (var condition in open) _since.TryAdd(condition.Id, clock.GetTimestamp());
        return open.FirstOrDefault(o => clock.GetElapsedTime(_since[o.Id]) >= Lasting);
    }

    private async Task EndAsync(IReadOnlyList<Operation> running, string reason, CancellationToken cancel)
    {
        foreach (var operation in running.Where(o => o is { State: OperationState.Running, Wish: null, PastForwardOnly: false }))
        {
            Ends(log, operation.Id, reason);
            await operations.CancelAsync(operation.Id, reason, Person.Console, cancel);
        }
    }

    private async Task<IReadOnlyList<Operation>> ListAsync(string kind, CancellationToken cancel) =>
        [.. await reader.ListAsync(kind, OperationState.Running, limit: 100, cancel: cancel), .. await reader.ListAsync(kind, OperationState.RollingBack, limit: 100, cancel: cancel)];

    private async Task WaitAsync(OperationSubscription subscription, CancellationToken stopping)
    {
        using var limit = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        limit.CancelAfter(Interval);
        try
        {
            while ((await subscription.Signals.ReadAsync(limit.Token)).Kind is not ("state" or "")) { } // whatever else is said
        }
        catch (OperationCanceledException)
        {
            stopping.ThrowIfCancellationRequested();
        }
    }

    [LoggerMessage(5320, LogLevel.Warning, "Experiment {Operation} is ended: {Reason}")]
    private static partial void Ends(ILogger log, Guid operation, string reason);

    [LoggerMessage(5321, LogLevel.Warning, "Experiments could not be watched: {Reason}")]
    private static partial void LookFailed(ILogger log, string reason);
}
