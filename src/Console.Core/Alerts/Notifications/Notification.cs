namespace OpsConsole.Core.Alerts.Notifications;

public enum NotificationKind
{
    /// <summary>Somebody went ahead without approval.</summary>
    BreakGlass,
    /// <summary>The console itself began a failover.</summary>
    AutomaticFailover,
    /// <summary>The primary's region serves badly: a plan is ready, people decide (FO-7).</summary>
    MoveAdvised,
    /// <summary>A backup failed, is incomplete, damaged or slow, or its log is not stored.</summary>
    BackupAlarm,
    /// <summary>A decision or a second factor was refused, or an account was locked.</summary>
    RefusedTry,
    ApprovalRequested,
    ApprovalDecided,
    /// <summary>The calendar says that people should do something, such as review the runbooks.</summary>
    Reminder,
    /// <summary>Sent by an administrator to see whether a channel works.</summary>
    Test,
}

/// <summary>What people are told. Made from an audit entry, so that nothing that is on record stays unsaid.</summary>
/// <param name="Sequence">of the audit entry</param>
/// <param name="Path">page that shows more: <c>/operations/…</c></param>
public sealed record Notification(long Sequence, NotificationKind Kind, string Title, string Detail, string By, DateTimeOffset At, string Path);

/// <summary>One way to people.</summary>
public interface INotificationChannel
{
    /// <summary>Stable: messages that wait in the outbox name it.</summary>
    string Id { get; }

    bool Takes(NotificationKind kind);

    /// <summary>Throws when it is not certain that the other side has it: it is sent again then.</summary>
    /// <param name="delivery">the same for every try of one message, so that a receiver can drop repetitions</param>
    Task SendAsync(Guid delivery, Notification notification, CancellationToken cancel);
}
