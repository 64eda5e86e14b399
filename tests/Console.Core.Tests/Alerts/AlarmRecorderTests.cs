using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Time.Testing;
using OpsConsole.Core.Alerts.Notifications;
using OpsConsole.Core.Approvals;
using OpsConsole.Core.Audit;

namespace OpsConsole.Core.Tests.Alerts;

public sealed class AlarmRecorderTests
{
    [Fact(Timeout = 30_000)]
    public async Task Raise_TheLogIsAwayAtFirst_IsPutOnRecordOnceAndWhatIsThereAlreadyIsNot()
    {
        var (audit, clock) = (new LateAudit(), new FakeTimeProvider());
        using var recorder = new AlarmRecorder(audit, clock, NullLogger<AlarmRecorder>.Instance);
        await recorder.StartAsync(TestContext.Current.CancellationToken);

        recorder.Raise(Alarm("breakGlass", "known", onRecord: true));
        recorder.Raise(Alarm("backupRpo", "first", onRecord: false));
        recorder.Raise(Alarm("backupSlow", "second", onRecord: false));
        await audit.Refused.Task;
        audit.Away = false;
        while (audit.Entries.Count < 2)
        {
            clock.Advance(TimeSpan.FromSeconds(3));
            await Task.Yield();
        }
        await recorder.StopAsync(TestContext.Current.CancellationToken);

        Assert.Equal(["alarm.backupRpo first", "alarm.backupSlow second"], audit.Entries.Select(e => $"{e.Action} {e.Reason}"));
    }

    private static Alarm Alarm(string kind, string detail, bool onRecord) => new(kind, "title", detail, null, "system", DateTimeOffset.UnixEpoch) { OnRecord = onRecord };

    private sealed class LateAudit : IAuditLog
    {
        private volatile bool _away = true;
        public bool Away { set => _away = value; }
        public TaskCompletionSource Refused { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
        public System.Collections.Concurrent.ConcurrentQueue<AuditDraft> Entries { get; } = [];

        public Task AppendAsync(AuditDraft draft, CancellationToken cancel = default)
        {
            if (_away)
            {
                Refused.TrySetResult();
                throw new InvalidOperationException("the audit log is away");
            }
            Entries.Enqueue(draft);
            return Task.CompletedTask;
        }
    }
}
