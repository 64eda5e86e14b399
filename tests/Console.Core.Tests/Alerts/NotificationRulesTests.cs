using OpsConsole.Core.Alerts.Notifications;
using OpsConsole.Core.Audit;

namespace OpsConsole.Core.Tests.Alerts;

public sealed class NotificationRulesTests
{
    private static AuditEntry Entry(string action, string target = "operation:7", string? after = null) =>
        new(1, DateTimeOffset.UnixEpoch, "ann@example.org", action, target, "because", null, null, after, "", "");

    [Theory]
    [InlineData("failover.breakGlass", null, NotificationKind.BreakGlass)]
    [InlineData("failover.request", """{"standingApproval":true,"title":"Fail over"}""", NotificationKind.AutomaticFailover)]
    [InlineData("failover.request", """{"approvalId":"42","title":"Fail over"}""", NotificationKind.ApprovalRequested)]
    [InlineData("failover.advised", null, NotificationKind.MoveAdvised)]
    [InlineData("backup.failed", null, NotificationKind.BackupAlarm)]
    [InlineData("backup.rolledBack", null, NotificationKind.BackupAlarm)]
    [InlineData("backup.refused", null, NotificationKind.BackupAlarm)]
    [InlineData("verify.failed", null, NotificationKind.BackupAlarm)]
    [InlineData("verify.rolledBack", null, NotificationKind.BackupAlarm)]
    [InlineData("alarm.backupRpo", """{"title":"orders could be restored only to 90 s ago"}""", NotificationKind.BackupAlarm)]
    [InlineData("approvalPolicy.propose", null, NotificationKind.ApprovalRequested)]
    [InlineData("approval.approve", null, NotificationKind.ApprovalDecided)]
    [InlineData("approval.reject", null, NotificationKind.ApprovalDecided)]
    [InlineData("approval.expire", null, NotificationKind.ApprovalDecided)]
    [InlineData("approval.void", null, NotificationKind.ApprovalDecided)]
    [InlineData("approval.refused", null, NotificationKind.RefusedTry)]
    [InlineData("account.stepUpRefused", null, NotificationKind.RefusedTry)]
    [InlineData("call.refused", """{"rule":"codeUsed"}""", NotificationKind.RefusedTry)]
    [InlineData("call.refused", """{"rule":"role"}""", NotificationKind.RefusedTry)]
    [InlineData("call.refused", """{"rule":"selfApproval"}""", NotificationKind.RefusedTry)]
    [InlineData("failover.refused", null, NotificationKind.RefusedTry)]
    [InlineData("session.lockedOut", null, NotificationKind.RefusedTry)]
    [InlineData("schedule.remind", null, NotificationKind.Reminder)]
    public void For_WhatPeopleMustHear_MakesAMessage(string action, string? after, NotificationKind kind)
    {
        var notification = NotificationRules.For(Entry(action, after: after));
        Assert.Equal((kind, "because", "ann@example.org"), (notification!.Kind, notification.Detail, notification.By));
    }

    [Theory]
    [InlineData("failover.request", """{"approvalId":null,"standingApproval":false}""")]
    [InlineData("failover.request", "no json at all")]
    [InlineData("failover.adviceOver", null)]
    [InlineData("backup.request", """{"standingApproval":true}""")]
    [InlineData("backup.succeeded", null)]
    [InlineData("backup.cancelled", null)]
    [InlineData("session.signIn", null)]
    [InlineData("user.create", null)]
    [InlineData("session.refused", """{"why":"wrong password"}""")]
    [InlineData("call.refused", """{"rule":"stepUpRequired"}""")]
    [InlineData("call.refused", """{"rule":"scope"}""")]
    [InlineData("approval.refused", """{"rule":"stepUpRequired"}""")]
    public void For_Others_IsSilent(string action, string? after) =>
        Assert.Null(NotificationRules.For(Entry(action, action.EndsWith(".refused", StringComparison.Ordinal) ? "POST /api/v1/failovers" : "operation:7", after)));

    [Fact]
    public void For_ABackupOfNoUse_IsSaidOnceByTheOperationThatFoundIt() => Assert.Null(NotificationRules.For(Entry("backup.failed", "backup:7")));

    [Fact]
    public void For_ARequestWithApproval_LeadsToTheApproval()
    {
        Assert.Equal("/approvals/42", NotificationRules.For(Entry("failover.request", after: """{"approvalId":"42"}"""))!.Path);
        Assert.Equal("/operations/7", NotificationRules.For(Entry("failover.breakGlass"))!.Path);
        Assert.Equal("/backups", NotificationRules.For(Entry("alarm.backupRpo", "backups"))!.Path);
        Assert.Equal("/failover?cluster=orders&target=west", NotificationRules.For(Entry("failover.advised", "cluster:orders", after: "{\"target\":\"west\"}"))!.Path);
        Assert.Equal("/audit", NotificationRules.For(Entry("session.lockedOut", "user:1"))!.Path);
    }
}
