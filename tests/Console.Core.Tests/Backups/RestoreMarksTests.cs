using System.Text.Json.Nodes;
using OpsConsole.Core.Audit;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Tests.Operations;

namespace OpsConsole.Core.Tests.Backups;

public sealed class RestoreMarksTests
{
    [Fact]
    public async Task Read_WhatHappenedInTheRange_IsMarkedOldestFirst()
    {
        await using var fleet = await TestFleet.CreateAsync();
        await using var node = fleet.Node();
        var from = TimeProvider.System.GetUtcNow().AddMinutes(-1);
        var unplanned = await RunAsync(node, OperationKinds.Failover, false);
        await RunAsync(node, OperationKinds.Failover, true);
        var experiment = await RunAsync(node, OperationKinds.Experiment, null);
        var range = new RestorableRange(from, TimeProvider.System.GetUtcNow().AddMinutes(1), [new HistoryFork(1, from.AddSeconds(1), from.AddSeconds(2))]);
        var backup = new Backup(Guid.NewGuid(), "orders", BackupType.Full, "pgbackrest", BackupState.Verified, Guid.NewGuid(), null, from, from.AddSeconds(1), 1, null, 1);
        var audit = new Alarms(new AuditEntry(7, range.To, "console", "alarm.backupRpo", "backups", "", null, null, """{"title":"orders could be restored only to 90 s ago"}""", "", ""));

        var marks = await new RestoreMarks(node.Reader, audit).ReadAsync("orders", range, [backup, backup with { EndedAt = from.AddDays(-1) }, backup with { State = BackupState.Failed }, backup with { Type = BackupType.Configuration }]);

        Assert.Equal(["backup", "fork", "failover", "experiment", "alarm"], marks.Select(m => m.Kind));
        Assert.Equal([$"/backups/{backup.Id}", "", $"/operations/{unplanned}", $"/operations/{experiment}", "/backups"], marks.Select(m => m.Link));
        Assert.StartsWith("unplanned failover: ", marks[2].Text, StringComparison.Ordinal);
        Assert.Equal("alarm: orders could be restored only to 90 s ago", marks[4].Text);
        Assert.Equal(("alarm.", from), (audit.Asked!.Action, audit.Asked.From));
    }

    private static async Task<Guid> RunAsync(TestNode node, string kind, bool? planned)
    {
        var id = (await node.SubmitAsync("set:x", kind: kind, more: request =>
        {
            if (planned is { } p) request["planned"] = p;
        }, with: request => request with { StandingApproval = true })).OperationId;
        await node.RunAsync(id);
        return id;
    }

    private sealed class Alarms(AuditEntry entry) : IAuditReader
    {
        public AuditQuery? Asked { get; private set; }

        public Task<IReadOnlyList<AuditEntry>> ReadAsync(AuditQuery query, CancellationToken cancel = default)
        {
            Asked = query;
            return Task.FromResult<IReadOnlyList<AuditEntry>>([entry]);
        }

        public Task<int> CountAsync(AuditQuery query, CancellationToken cancel = default) => throw new NotSupportedException();
        public IAsyncEnumerable<AuditRow> RowsAsync(long first = 1, CancellationToken cancel = default) => throw new NotSupportedException();
        public Task<ChainReport> VerifyAsync(CancellationToken cancel = default) => throw new NotSupportedException();
    }
}
