using System.Runtime.CompilerServices;

namespace OpsConsole.Core.Operations;

/// <summary>What happens in operations, live, from whichever node runs them.</summary>
public interface IOperationFeed
{
    /// <summary>Every operation's changes from now on, as signals to look again.</summary>
    OperationSubscription Subscribe();

    /// <summary>An operation's journal after <paramref name="after"/> (0: from its beginning), then live, until it has ended and all was
    /// given. Sequences serve as event ids: resume with the last one seen.</summary>
    IAsyncEnumerable<OperationEvent> FollowAsync(Guid id, long after, CancellationToken cancel = default);
}

internal sealed class OperationFeed(OperationReader reader, OperationSignals signals, TimeProvider clock) : IOperationFeed
{
    /// <summary>Looks again after so long even without a signal: notifications are lost when a connection breaks.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);

    public OperationSubscription Subscribe() => signals.Subscribe();

    public async IAsyncEnumerable<OperationEvent> FollowAsync(Guid id, long after, [EnumeratorCancellation] CancellationToken cancel = default)
    {
        using var subscription = signals.Subscribe();
        while (true)
        {
            var operation = await reader.GetAsync(id, cancel);
            var events = await reader.EventsAsync(id, after, cancel: cancel);
            foreach (var happened in events)
            {
                after = happened.Sequence;
                yield return happened;
            }
            if (events.Count > 0) continue;
            if (operation.State.IsEnd() && after >= operation.LastEvent) yield break;
            await WaitAsync(subscription, id, cancel);
        }
    }

    private async Task WaitAsync(OperationSubscription subscription, Guid id, CancellationToken cancel)
    {
        using var limit = new CancellationTokenSource(Patience, clock);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancel, limit.Token);
        try
        {
            while (true)
            {
                var signal = await subscription.Signals.ReadAsync(either.Token);
                if (signal.OperationId == id || signal.Sequence == 0) return;
            }
        }
        catch (OperationCanceledException)
        {
            cancel.ThrowIfCancellationRequested();
        }
    }
}
