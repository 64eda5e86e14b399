using System.Globalization;
using System.Text.Json.Nodes;
using Npgsql;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Operations;
using OpsConsole.Core.Operations;
using OpsConsole.Fleet.Tests.Failover;
using OpsConsole.Fleet.Tests.Sandbox;

namespace OpsConsole.Fleet.Tests.Backups;

/// <summary>The embedded fleet's database streamed into another region's store: taken, proven, and restored to a moment from the streamed log.</summary>
public sealed class StreamingTests(SandboxFixture sandbox) : IClassFixture<SandboxFixture>
{
    [Fact]
    public async Task Backup_Streamed_IsProvenAndRestoresToAMoment()
    {
        var fleet = LiveFleet.Of(sandbox);
        await using var console = await FailoverConsole.StartAsync(fleet);
        await console.SettledAsync();
        await ExecuteAsync(fleet.WriteEndpoint, "DROP TABLE IF EXISTS streamed; CREATE TABLE streamed (n int)");

        var taken = await SucceedAsync(console, BackupKinds.Backup, new() { ["cluster"] = "orders", ["type"] = "full", ["engine"] = "streaming" });
        var backup = (await console.Get<IBackupCatalogue>().FindAsync(taken.Result["backupId"]!.GetValue<Guid>()))!;
        Assert.Equal((BackupType.Full, BackupState.Verified, "streaming"), (backup.Type, backup.State, backup.Engine));
        Assert.Equal(["us-west-2"], backup.Copies.Select(c => c.Region));
        await SucceedAsync(console, BackupKinds.Verify, new() { ["backupId"] = backup.Id.ToString() });
        Assert.Equal(backup.Id, (await console.Get<IBackupCatalogue>().NewestProvenAsync("orders"))!.Id);

        await ExecuteAsync(fleet.WriteEndpoint, "INSERT INTO streamed VALUES (1)");
        var moment = await fleet.AskAsync<DateTime>(fleet.WriteEndpoint, "SELECT clock_timestamp()");
        await ExecuteAsync(fleet.WriteEndpoint, "INSERT INTO streamed VALUES (2)");
        var restored = await SucceedAsync(console, BackupKinds.Restore, new()
        {
            ["cluster"] = "orders", ["backupId"] = backup.Id.ToString(), ["targetTime"] = moment.ToString("O", CultureInfo.InvariantCulture), ["destination"] = "new",
        });

        Assert.Equal("us-west-2-store", restored.Result["repository"]!.GetValue<string>());
        var at = new Uri(restored.Result["connection"]!.GetValue<string>());
        var user = at.UserInfo.Split(':');
        var instance = new NpgsqlConnectionStringBuilder { Host = at.Host, Port = at.Port, Username = user[0], Password = user[1], Database = at.AbsolutePath.Trim('/'), Pooling = false }.ConnectionString;
        Assert.Equal("1", await fleet.AskAsync<string>(instance, "SELECT string_agg(n::text, ',' ORDER BY n) FROM streamed"));
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
