using System.Threading.Channels;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Audit;

namespace OpsConsole.Core.Alerts.Notifications;

/// <summary>Puts alarms that are on no other record into the audit log (<c>alarm.KIND</c>), in order, however long the log is away; from there people are told.</summary>
public sealed partial class AlarmRecorder(IAuditLog audit, TimeProvider clock, ILogger<AlarmRecorder> log) : BackgroundService, IAlarmSink
{
    public const string Prefix = "alarm.";
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(2);
    // While the log is away the newest count: what is raised is raised once for each occurrence, so this is plenty.
    private readonly Channel<Alarm> _waiting = Channel.CreateBounded<Alarm>(new BoundedChannelOptions(1000) { FullMode = BoundedChannelFullMode.DropOldest });

    public void Raise(Alarm alarm)
    {
        if (!alarm.OnRecord) _waiting.Writer.TryWrite(alarm);
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            await foreach (var alarm in _waiting.Reader.ReadAllAsync(stoppingToken)) await RecordAsync(alarm, stoppingToken);
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
            // What still waits is raised again by what it is about, after the next start.
        }
    }

    private async Task RecordAsync(Alarm alarm, CancellationToken cancel)
    {
        var target = alarm.OperationId is { } operation ? $"operation:{operation}" : "backups";
        while (true)
        {
            try
            {
                await audit.AppendAsync(new AuditDraft(alarm.By, Prefix + alarm.Kind, target, alarm.Detail, After: new { alarm.Title, raisedAt = alarm.At }), cancel);
                return;
            }
            catch (Exception failure) when (!cancel.IsCancellationRequested)
            {
                LogWaits(alarm.Kind, failure.Message);
                await Task.Delay(Pause, clock, cancel);
            }
        }
    }

    [LoggerMessage(5610, LogLevel.Warning, "An alarm ({Kind}) waits for the audit log: {Problem}")]
    private partial void LogWaits(string kind, string problem);
}
