namespace OpsConsole.Core.Live;

/// <summary>Loops that belong together: when one ends, for whatever reason, the others are cancelled and awaited.</summary>
internal static class Together
{
    /// <summary>Ends when all have ended; throws what the failed one threw.</summary>
    public static async Task RunAsync(IEnumerable<Func<CancellationToken, Task>> loops, CancellationToken cancel)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(cancel);
        var running = loops.Select(loop => loop(ended.Token)).ToList();
        running.Add(Task.Delay(Timeout.Infinite, ended.Token)); // without any loop: nothing to do until cancelled
        await Task.WhenAny(running);
        await ended.CancelAsync();
        await Task.WhenAll(running);
    }
}
