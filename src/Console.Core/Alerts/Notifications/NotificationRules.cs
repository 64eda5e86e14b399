using System.Text.Json;
using OpsConsole.Core.Audit;

namespace OpsConsole.Core.Alerts.Notifications;

/// <summary>Which audit entries people hear of, and in which words. Pure.</summary>
public static class NotificationRules
{
    public static Notification? For(AuditEntry entry)
    {
        var after = Parse(entry.After);
        var (kind, title) = entry.Action switch
        {
            _ when entry.Action.EndsWith(".breakGlass", StringComparison.Ordinal) => (NotificationKind.BreakGlass, $"Glass broken: {Text(after, "title") ?? entry.Target}"),
            "failover.request" when Is(after, "standingApproval") => (NotificationKind.AutomaticFailover, $"Started by the console: {Text(after, "title") ?? entry.Target}"),
            _ when entry.Action.EndsWith(".request", StringComparison.Ordinal) && Text(after, "approvalId") is not null => (NotificationKind.ApprovalRequested, $"Approval needed: {Text(after, "title") ?? entry.Target}"),
            // Told when the operation ends, not a second time when the catalogue notes what it has found (backup.failed of backup:ID).
            "backup.rolledBack" or "backup.failed" or "backup.refused" when OfOperation(entry) => (NotificationKind.BackupAlarm, "A backup was not made"),
            "verify.rolledBack" or "verify.failed" or "verify.refused" when OfOperation(entry) => (NotificationKind.BackupAlarm, "A backup was not proven"),
            _ when entry.Action.StartsWith(AlarmRecorder.Prefix, StringComparison.Ordinal) => (NotificationKind.BackupAlarm, Text(after, "title") ?? entry.Action),
            "failover.advised" => (NotificationKind.MoveAdvised, $"A move of {entry.Target} should be looked at"),
            "schedule.remind" => (NotificationKind.Reminder, "The calendar reminds you"),
            "approvalPolicy.propose" => (NotificationKind.ApprovalRequested, "Approval needed: another approval policy"),
            "approval.approve" => (NotificationKind.ApprovalDecided, "Approved"),
            "approval.reject" => (NotificationKind.ApprovalDecided, "Rejected"),
            "approval.expire" => (NotificationKind.ApprovalDecided, "Nobody approved it in time"),
            "approval.void" => (NotificationKind.ApprovalDecided, "Void: what would run has changed"),
            "approval.refused" when Text(after, "rule") != "stepUpRequired" => (NotificationKind.RefusedTry, "A decision on an approval was refused"),
            "call.refused" when Refusal(Text(after, "rule")) is { } said => (NotificationKind.RefusedTry, said),
            _ when entry.Action.EndsWith(".refused", StringComparison.Ordinal) && entry.Target.StartsWith("operation:", StringComparison.Ordinal) => (NotificationKind.RefusedTry, "Approved, but not started: its preflight blocks now"),
            "account.stepUpRefused" => (NotificationKind.RefusedTry, "A wrong second factor was given for a dangerous action"),
            "session.lockedOut" => (NotificationKind.RefusedTry, "An account was locked after too many wrong passwords or codes"),
            _ => ((NotificationKind?)null, ""),
        };
        return kind is { } found ? new Notification(entry.Sequence, found, title, entry.Reason ?? "", entry.Actor, entry.At, Path(entry, after)) : null;
    }

    private static bool OfOperation(AuditEntry entry) => entry.Target.StartsWith("operation:", StringComparison.Ordinal);

    /// <summary>Null for a missing second factor, with which an ordinary call begins, and for a token's scope.</summary>
    private static string? Refusal(string? rule) => rule switch
    {
        "codeUsed" => "A second factor that was used before was given for a dangerous action",
        "role" => "Somebody tried what their roles do not allow",
        "selfApproval" or "sameIdentity" => "Somebody tried to decide on what is their own",
        _ => null,
    };

    private static string Path(AuditEntry entry, JsonElement? after)
    {
        if (Text(after, "approvalId") is { } approval) return $"/approvals/{approval}";
        return entry.Target.Split(':', 2) switch
        {
            ["operation", var id] => $"/operations/{id}",
            ["approval", var id] => $"/approvals/{id}",
            ["backup", var id] => $"/backups/{id}",
            ["backups"] => "/backups",
            ["cluster", var id] when entry.Action == "failover.advised" => $"/failover?cluster={Uri.EscapeDataString(id)}" + (Text(after, "target") is { } target ? $"&target={Uri.EscapeDataString(target)}" : ""),
            ["schedule", _] => "/drills",
            _ => "/audit",
        };
    }

    private static JsonElement? Parse(string? json)
    {
        if (json is null) return null;
        try
        {
            return JsonSerializer.Deserialize<JsonElement>(json);
        }
        catch (JsonException)
        {
            return null; // an altered row may hold anything
        }
    }

    private static string? Text(JsonElement? after, string name) =>
        after is { ValueKind: JsonValueKind.Object } members && members.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static bool Is(JsonElement? after, string name) =>
        after is { ValueKind: JsonValueKind.Object } members && members.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.True;
}
