using System.Globalization;
using System.Text.Json.Nodes;
using Npgsql;
using OpsConsole.Core.Backups;
using OpsConsole.Core.Backups.Streaming;
using OpsConsole.Core.Backups.Operations;
using OpsConsole.Core.Operations;
using OpsConsole.Fleet.Tests.Failover;
using OpsConsole.Fleet.Tests.Sandbox;

namespace OpsConsole.Fleet.Tests.Backups;

/// <summary>What the tests of every engine do with the embedded fleet's database.</summary>
internal static class BackupKit
{
    public static async Task<Operation> SucceedAsync(this FailoverConsole console, string kind, JsonObject request)
    {
        var operation = await console.RunAsync(kind, request, TimeSpan.FromMinutes(3));
        var story = await console.StoryAsync(operation);
        TestContext.Current.TestOutputHelper?.WriteLine(story);
        Assert.True(operation.State == OperationState.Succeeded, story);
        return operation;
    }

    public static async Task<Backup> BackupAsync(this FailoverConsole console, string type, string? engine = null)
    {
        var request = new JsonObject { ["cluster"] = "orders", ["type"] = type };
        if (engine is not null) request["engine"] = engine;
        return await console.FoundAsync((await console.SucceedAsync(BackupKinds.Backup, request)).Result["backupId"]!.GetValue<Guid>());
    }

    public static async Task<Backup> FoundAsync(this FailoverConsole console, Guid id) => (await console.Get<IBackupCatalogue>().FindAsync(id))!;

    public static Task<Operation> ProveAsync(this FailoverConsole console, Backup backup) => console.SucceedAsync(BackupKinds.Verify, new() { ["backupId"] = backup.Id.ToString() });

    /// <summary>Restores into an instance of its own, by the moment, the backup, or both.</summary>
    public static Task<Operation> RestoreAsync(this FailoverConsole console, DateTime? moment, Backup? backup = null)
    {
        var request = new JsonObject { ["cluster"] = "orders", ["destination"] = "new" };
        if (moment is { } at) request["targetTime"] = at.ToString("O", CultureInfo.InvariantCulture);
        if (backup is not null) request["backupId"] = backup.Id.ToString();
        return console.SucceedAsync(BackupKinds.Restore, request);
    }

    /// <summary>A planned switchover to another region.</summary>
    public static async Task MoveAsync(this FailoverConsole console)
    {
        var source = console.Primary;
        var target = LiveFleet.Regions.First(r => r != source);
        var moved = await console.RunAsync(FailoverConsole.Request(source, target, planned: true));
        Assert.True(moved.State == OperationState.Succeeded, await console.StoryAsync(moved));
        await console.SettledAsync(target);
    }

    /// <summary>Until an engine has the log past a moment without being asked.</summary>
    public static async Task LogReachesAsync(this FailoverConsole console, string engine, DateTime moment)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        while (await console.Get<RestorableMoments>().NewestAsync("orders", CancellationToken.None) is var newest && !(newest.GetValueOrDefault(engine) > moment))
        {
            if (deadline.IsCancellationRequested)
                Assert.Fail($"The log of {engine} does not reach {moment:O}: {string.Join(", ", newest.Select(n => $"{n.Key} {n.Value:O}"))}; {console.Get<WalStreamStates>().Of("orders")}; the primary is {console.Primary}\n{console.Log}");
            await Task.Delay(100);
        }
    }

    public static async Task DiscardAsync(this FailoverConsole console, Operation restored)
    {
        var gone = await console.Get<OperationService>().RollBackAsync(restored.Id, "seen", Core.Approvals.Person.Console);
        Assert.Equal(OperationState.Succeeded, (await console.EndAsync(gone.Id)).State);
    }

    /// <summary>How to connect to the instance that a restore has left.</summary>
    public static string Instance(Operation restored)
    {
        var at = new Uri(restored.Result["connection"]!.GetValue<string>());
        var user = at.UserInfo.Split(':');
        return new NpgsqlConnectionStringBuilder { Host = at.Host, Port = at.Port, Username = user[0], Password = user[1], Database = at.AbsolutePath.Trim('/'), Pooling = false }.ConnectionString;
    }

    public static async Task ExecuteAsync(string connectionString, string sql)
    {
        await using var connection = new NpgsqlConnection(connectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }
}
