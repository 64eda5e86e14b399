using OpsConsole.Core.Operations;

namespace OpsConsole.Web.Components.Pages.Operations;

/// <summary>Shows changes of operations at most five times a second.</summary>
public static class OperationWatch
{
    private static readonly TimeSpan Breath = TimeSpan.FromMilliseconds(200);

    public static async Task RunAsync(IOperationFeed feed, Func<OperationSignal, bool> concerns, Func<Task> show, CancellationToken cancel)
    {
        using var subscription = feed.Subscribe();
        try
        {
            await foreach (var signal in subscription.Signals.ReadAllAsync(cancel))
            {
                if (signal.Sequence != 0 && !concerns(signal)) continue;
                while (subscription.Signals.TryRead(out _)) { }
                await show();
                await Task.Delay(Breath, cancel);
            }
        }
        catch (Exception left) when (left is OperationCanceledException or ObjectDisposedException)
        {
            return; // the page was left
        }
    }
}
