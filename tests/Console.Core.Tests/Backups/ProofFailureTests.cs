using System.Diagnostics.Metrics;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Operations;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Tests.Operations;
using OpsConsole.Testing;

namespace OpsConsole.Core.Tests.Backups;

/// <summary>Backups and proofs that do not succeed: what the catalogue says of the backup then, and what is counted.</summary>
public sealed class ProofFailureTests : IAsyncLifetime
{
    private readonly BackupWorld _world = new() { Configure = o => o.Places[0].Address = "127.0.0.1:1" };
    private TestFleet _fleet = null!;
    private TestNode _node = null!;

    public async ValueTask InitializeAsync()
    {
        var database = await TestDatabase.CreateAsync(OperationsDb.ConsoleSchema, BackupsDb.ConsoleSchema);
        _fleet = TestFleet.Of(database, await _world.ServicesAsync(database));
        _node = _fleet.Node();
    }

    public ValueTask DisposeAsync() => _fleet.DisposeAsync();

    [Fact]
    public async Task Verify_WhatIsStoredIsDamaged_MarksTheBackupFailed()
    {
        _world.RestoreFails = new BackupEngineException("a checksum is wrong") { Final = true, Damaged = true };

        var (backup, proof) = await ProveAsync();

        Assert.Equal((BackupState.Failed, "It could not be restored. a checksum is wrong"), (backup.State, backup.Failure));
        Assert.Equal(OperationState.RolledBack, proof.State);
    }

    [Theory]
    [InlineData("FATAL:  recovery ended before configured recovery target was reached", BackupState.Failed)]
    [InlineData("PANIC:  could not locate a valid checkpoint record", BackupState.Failed)]
    [InlineData("LOG:  startup process (PID 42) was terminated by signal 9: Killed", BackupState.Verified)]
    [InlineData("FATAL:  could not write to file \"pg_wal/xlogtemp.42\": No space left on device", BackupState.Verified)]
    [InlineData("", BackupState.Verified)] // killed whole: nothing is known of the backup
    public async Task Verify_TheRestoredServerEnds_MarksTheBackupFailedWhereItsLogBlamesTheData(string says, BackupState expected)
    {
        (_world.ServersEnd, _world.ServersSay) = (true, $"2026-11-30 20:00:00.000 UTC [42] {says}");

        var (backup, proof) = await ProveAsync();

        Assert.Equal((expected, OperationState.RolledBack), (backup.State, proof.State));
        Assert.Contains("has ended", proof.EndReason, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Verify_NoPlaceOrNoWayToIt_LeavesTheBackupAsItWas(bool place)
    {
        if (place) _world.RestoreFails = new BackupEngineException("us-east-1 is out of reach");
        else _world.Instances["us-east-1:5999"] = Guid.NewGuid().ToString();

        var (backup, proof) = await ProveAsync();

        Assert.Equal(BackupState.Verified, backup.State);
        Assert.Equal(OperationState.RolledBack, proof.State);
    }

    [Fact]
    public async Task Metrics_EndOfEachOperation_IsCountedOnceByWhatItCameTo()
    {
        var seen = new List<string>();
        using var listener = new MeterListener();
        listener.InstrumentPublished = (instrument, l) =>
        {
            if (instrument.Name == "dr_backup_operations" && instrument.Meter.Scope == _node.Get<IMeterFactory>()) l.EnableMeasurementEvents(instrument);
        };
        listener.SetMeasurementEventCallback<long>((_, _, tags, _) => seen.Add(string.Join(" ", tags.ToArray().Select(t => t.Value))));
        listener.Start();
        _node.Get<BackupMetrics>();

        _world.RestoreFails = new BackupEngineException("no");
        await ProveAsync();
        Assert.Equal(["backup succeeded", "verify failed"], seen);

        var cancelled = await SubmitAsync(BackupKinds.Backup, new() { ["cluster"] = "orders", ["type"] = "full" });
        await _fleet.ExecuteAsync($"UPDATE ops.operation SET state = 'running', wish = 'cancel', events = events WHERE id = '{cancelled}'");
        await _node.RunAsync(cancelled);
        Assert.Equal(OperationState.Cancelled, (await _node.Reader.GetAsync(cancelled)).State);
        Assert.Equal("backup cancelled", Assert.Single(seen.Skip(2)));
    }

    private async Task<(Backup, Operation)> ProveAsync()
    {
        var taken = await SubmitAsync(BackupKinds.Backup, new() { ["cluster"] = "orders", ["type"] = "full" });
        await _node.RunAsync(taken);
        var backup = (await _node.Get<BackupCatalogue>().OfOperationAsync(taken, default))!.Id;
        var proof = await SubmitAsync(BackupKinds.Verify, new() { ["backupId"] = backup.ToString() });
        await _node.RunAsync(proof);
        return ((await _node.Get<BackupCatalogue>().FindAsync(backup))!, await _node.Reader.GetAsync(proof));
    }

    private async Task<Guid> SubmitAsync(string kind, System.Text.Json.Nodes.JsonObject request) =>
        (await _node.Operations.SubmitAsync(new OperationRequest(kind, request, "test"), People.Operator)).OperationId;
}
