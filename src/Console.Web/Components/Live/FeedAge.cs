using OpsConsole.Core.Live;

namespace OpsConsole.Web.Components.Live;

/// <summary>Watches, once for all viewers, whether the picture is still renewed.</summary>
public sealed class FeedAge(IFleetFeed feed, TimeProvider clock) : BackgroundService
{
    /// <summary>Without a batch for this long the picture is stale: three of the longest default probe intervals that a fleet has at
    /// least one of (10 s for a database) would have passed.</summary>
    public static readonly TimeSpan StaleAfter = TimeSpan.FromSeconds(30);

    private static readonly TimeSpan Period = TimeSpan.FromSeconds(2);

    public LiveLink Link { get; private set; } = LiveLink.Unknown;

    /// <summary>Freshness turned. Raised on a pool thread.</summary>
    public event Action? Turned;

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using var timer = new PeriodicTimer(Period, clock);
        try
        {
            do Look();
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
        }
    }

    /// <summary>Looks now; otherwise every two seconds.</summary>
    public void Look()
    {
        var at = feed.Current.At;
        var link = new LiveLink(clock.GetUtcNow() - at <= StaleAfter, at);
        var turned = link.Fresh != Link.Fresh;
        Link = link;
        if (turned) Turned?.Invoke();
    }
}
