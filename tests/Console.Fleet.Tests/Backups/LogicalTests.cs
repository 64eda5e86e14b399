using System.Globalization;
using System.Text.Json.Nodes;
using Npgsql;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Operations;
using OpsConsole.Core.Operations;
using OpsConsole.Fleet.Tests.Failover;
using OpsConsole.Fleet.Tests.Sandbox;

namespace OpsConsole.Fleet.Tests.Backups;

/// <summary>The embedded fleet's database dumped from a standby into two regions' stores, proven, and restored; a moment is refused.</summary>
public sealed class LogicalTests(SandboxFixture sandbox) : IClassFixture<SandboxFixture>
{
    [Fact]
    public async Task Backup_Logical_IsProvenAndRestoresAsItWasTaken()
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet);
        await console.SettledAsync();
        await ExecuteAsync(fleet.WriteEndpoint, "DROP TABLE IF EXISTS dumped; CREATE TABLE dumped AS SELECT generate_series(1, 1000) AS n");

        var taken = await SucceedAsync(console, BackupKinds.Backup, new() { ["cluster"] = "orders", ["type"] = "logical" });
        var backup = (await console.Get<IBackupCatalogue>().FindAsync(taken.Result["backupId"]!.GetValue<Guid>()))!;
        Assert.Equal((BackupType.Logical, BackupState.Verified, "pgdump"), (backup.Type, backup.State, backup.Engine));
        Assert.Equal(["us-east-1", "us-west-2"], backup.Copies.Select(c => c.Region).Order());
        await SucceedAsync(console, BackupKinds.Verify, new() { ["backupId"] = backup.Id.ToString() });
        Assert.Equal(BackupState.Proven, (await console.Get<IBackupCatalogue>().FindAsync(backup.Id))!.State);

        var refusal = await Assert.ThrowsAsync<RequestRefusedException>(() => console.RunAsync(BackupKinds.Restore,
            new() { ["cluster"] = "orders", ["backupId"] = backup.Id.ToString(), ["targetTime"] = backup.EndedAt.ToString("O", CultureInfo.InvariantCulture), ["destination"] = "new" }, TimeSpan.FromMinutes(1)));
        Assert.Contains("leave backupId out", refusal.Message, StringComparison.Ordinal);
        await ExecuteAsync(fleet.WriteEndpoint, "DELETE FROM dumped");
        var restored = await SucceedAsync(console, BackupKinds.Restore, new() { ["cluster"] = "orders", ["backupId"] = backup.Id.ToString(), ["destination"] = "new" });

        var at = new Uri(restored.Result["connection"]!.GetValue<string>());
        var user = at.UserInfo.Split(':');
        var instance = new NpgsqlConnectionStringBuilder { Host = at.Host, Port = at.Port, Username = user[0], Password = user[1], Database = at.AbsolutePath.Trim('/'), Pooling = false }.ConnectionString;
        Assert.Equal(1000, await fleet.AskAsync<long>(instance, "SELECT count(*) FROM dumped"));
        var gone = await console.Get<OperationService>().RollBackAsync(restored.Id, "seen", Core.Approvals.Person.Console);
        Assert.Equal(OperationState.Succeeded, (await console.EndAsync(gone.Id)).State);
    }

    private static async Task<Operation> SucceedAsync(FailoverConsole console, string kind, JsonObject request)
    {
        var operation = await console.RunAsync(kind, request, TimeSpan.FromMinutes(3));
        var story = await console.StoryAsync(operation);
        Assert.True(operation.State == OperationState.Succeeded, story);
        return operation;
    }

    private static async Task ExecuteAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
