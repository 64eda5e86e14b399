using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Live;

namespace OpsConsole.Core.Alerts.Notifications;

/// <summary>Makes messages of what is on record, and sends them until each is delivered or given up. An alarm wakes it; without one it looks every two seconds.</summary>
public sealed partial class NotificationSender(Outbox outbox, IEnumerable<INotificationChannel> channels, NotificationOptions options, IFleetReducer picture, TimeProvider clock, ILogger<NotificationSender> log)
    : BackgroundService, IAlarmSink
{
    private static readonly TimeSpan Round = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LongestPause = TimeSpan.FromHours(1);
    private readonly SemaphoreSlim _wake = new(0, 1);
    private readonly Dictionary<string, INotificationChannel> _channels = channels.ToDictionary(c => c.Id);

    /// <summary>Only a reason to look at once: what is sent comes from the record.</summary>
    public void Raise(Alarm alarm) => Wake();

    public void Wake()
    {
        lock (_wake)
        {
            if (_wake.CurrentCount == 0) _wake.Release();
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await SendDueAsync(stoppingToken);
                await _wake.WaitAsync(Round, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
            catch (Exception failure)
            {
                Failed(log, failure);
                await Task.Delay(Round, clock, stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    /// <summary>One round: collect, then send all that is due.</summary>
    public async Task SendDueAsync(CancellationToken cancel)
    {
        await outbox.CollectAsync(cancel);
        var tried = false;
        while (await outbox.TakeAsync(cancel) is { } entry)
        {
            tried = true;
            await TryAsync(entry, cancel);
        }
        if (tried) await ReportAsync(cancel);
    }

    private async Task TryAsync(OutboxEntry entry, CancellationToken cancel)
    {
        try
        {
            await _channels[entry.Channel].SendAsync(entry.Id, entry.Notification, cancel);
            await outbox.DeliveredAsync(entry.Id, cancel);
        }
        catch (Exception failure) when (!cancel.IsCancellationRequested)
        {
            var now = clock.GetUtcNow();
            var retry = now + Pause(entry.Attempts);
            var giveUp = retry - entry.CreatedAt > TimeSpan.FromHours(options.GiveUpHours);
            NotDelivered(log, entry.Channel, entry.Attempts, failure.Message);
            await outbox.FailedAsync(entry.Id, failure.Message, giveUp ? null : retry, cancel);
        }
    }

    /// <summary>5, 10, 20, ... s up to an hour.</summary>
    private TimeSpan Pause(int attempts)
    {
        var doubled = options.FirstRetrySeconds * Math.Pow(2, Math.Min(attempts - 1, 20));
        return TimeSpan.FromSeconds(Math.Min(doubled, LongestPause.TotalSeconds));
    }

    private async Task ReportAsync(CancellationToken cancel)
    {
        var (waiting, error) = await outbox.TroubleAsync(cancel);
        picture.Component("notifications", waiting == 0 ? HealthStatus.Healthy : HealthStatus.Degraded, waiting == 0 ? "all delivered" : $"{waiting} not delivered; {error}", clock.GetUtcNow());
    }

    [LoggerMessage(EventId = 6101, Level = LogLevel.Warning, Message = "Notification by {Channel} was not delivered (try {Attempt}): {Problem}")]
    private static partial void NotDelivered(ILogger log, string channel, int attempt, string problem);

    [LoggerMessage(EventId = 6102, Level = LogLevel.Error, Message = "Notifications cannot be read or written; trying again")]
    private static partial void Failed(ILogger log, Exception failure);

    public override void Dispose()
    {
        _wake.Dispose();
        base.Dispose();
    }
}
