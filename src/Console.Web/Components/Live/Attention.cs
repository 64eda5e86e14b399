using OpsConsole.Core.Approvals;
using OpsConsole.Core.Operations;

namespace OpsConsole.Web.Components.Live;

/// <param name="Pending">approvals that wait for somebody</param>
public sealed record AttentionState(IReadOnlyList<ActiveHold> Holds, IReadOnlyList<Review> Reviews, int Pending, EmergencyStopStatus Stop)
{
    public static AttentionState Nothing { get; } = new([], [], 0, new EmergencyStopStatus(false, null, null, null, []));

    public bool Same(AttentionState other) => Pending == other.Pending && Stop.Engaged == other.Stop.Engaged && Stop.EngagedAt == other.Stop.EngagedAt
        && Holds.SequenceEqual(other.Holds) && Reviews.SequenceEqual(other.Reviews) && Stop.Reverted.SequenceEqual(other.Stop.Reverted);
}

/// <summary>What everybody must see on every page. Read once for all viewers, and at once when an operation or an approval changes.</summary>
public sealed partial class Attention(Automation automation, Reviews reviews, ApprovalService approvals, EmergencyStop stop, OperationSignals signals, TimeProvider clock, ILogger<Attention> log) : BackgroundService
{
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(2);

    public AttentionState Now { get; private set; } = AttentionState.Nothing;

    public event Action? Changed;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var subscription = signals.Subscribe();
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await RefreshAsync(stoppingToken);
                using var round = new CancellationTokenSource(Round, clock);
                using var either = CancellationTokenSource.CreateLinkedTokenSource(stoppingToken, round.Token);
                await subscription.Signals.WaitToReadAsync(either.Token).AsTask().ContinueWith(_ => { }, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
                while (subscription.Signals.TryRead(out _)) { }
            }
            catch (Exception failure) when (!stoppingToken.IsCancellationRequested)
            {
                Failed(log, failure.Message);
                await Task.Delay(Round, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    /// <summary>Looks now; called after somebody acted, so that they see it.</summary>
    public async Task RefreshAsync(CancellationToken cancel = default)
    {
        var found = new AttentionState(await automation.ListAsync(cancel), await reviews.ListAsync(cancel: cancel), (await approvals.ListAsync(ApprovalState.Pending, cancel: cancel)).Count, await stop.StatusAsync(cancel));
        if (found.Same(Now)) return;
        Now = found;
        Changed?.Invoke();
    }

    [LoggerMessage(EventId = 6201, Level = LogLevel.Warning, Message = "Holds, reviews and approvals cannot be read: {Problem}")]
    private static partial void Failed(ILogger log, string problem);
}
