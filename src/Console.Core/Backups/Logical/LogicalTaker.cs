using System.Text;
using Npgsql;
using OpsConsole.Core.Backups.Format;
using OpsConsole.Core.Backups.Stores;
using OpsConsole.Core.Backups.Streaming;
using OpsConsole.Core.Drivers.Postgres;
using OpsConsole.Core.Drivers.Postgres.Control;
using OpsConsole.Core.Fleet;

namespace OpsConsole.Core.Backups.Logical;

/// <param name="Failures">repository to why it has no copy</param>
internal sealed record LogicalTaken(LogicalBackup Backup, IReadOnlyDictionary<string, string> Failures);

/// <summary>Takes a dump: one read of the database, compressed by pg_dump, encrypted here, into several repositories at once.</summary>
internal sealed class LogicalTaker(DumpPrograms programs, FanOutLimits limits, TimeProvider time, BackupBrake? brake = null)
{
    private const int BufferBytes = 256 * 1024;

    private sealed record Facts(string ServerVersion, bool Standby, long SizeBytes, string Owner);

    /// <exception cref="BackupEngineException">no repository has it, or the database did not give it; nothing half-written is left where a store could be asked</exception>
    public async Task<LogicalTaken> TakeAsync(ClusterOptions cluster, ClusterNodeOptions node, Guid operation, KeyRing keys, IReadOnlyList<IBackupStore> stores, BackupProgress progress, CancellationToken cancel)
    {
        var started = time.GetUtcNow();
        var label = StreamNames.Label(started, operation);
        var copies = new CopyWriter(keys.Current, stores, limits, time);
        try
        {
            var facts = await FactsAsync(cluster, node, cancel);
            var roles = Made(await programs.RolesAsync(cluster, node.Address, cancel), facts.Owner);
            var database = await DumpAsync(cluster, node, label, keys.Current, copies, facts.SizeBytes, progress, cancel);
            var listed = await copies.PutAsync(LogicalNames.Roles(cluster.Id, label), Encoding.UTF8.GetBytes(roles), cancel);
            var backup = new LogicalBackup(LogicalBackup.CurrentFormat, label, cluster.Id, operation, started, time.GetUtcNow(), node.Region, facts.Standby, facts.ServerVersion, cluster.Database, facts.Owner,
                facts.SizeBytes, keys.Current.Id, [database, listed]);
            await copies.PutAsync(LogicalNames.Backup(cluster.Id, label), backup.ToJson(), cancel);
            return new LogicalTaken(backup, copies.Failures);
        }
        catch
        {
            await copies.TakeBackAsync(s => new LogicalRepository(s), cluster.Id, label);
            throw;
        }
    }

    private static async Task<Facts> FactsAsync(ClusterOptions cluster, ClusterNodeOptions node, CancellationToken cancel)
    {
        try
        {
            await using var connection = await NodeConnection.OpenAsync(cluster, node, "opsconsole backup", cancel);
            return (await connection.ListAsync("SELECT current_setting('server_version'), pg_is_in_recovery(), pg_database_size(current_database()), (SELECT rolname::text FROM pg_roles WHERE oid = 10)",
                r => new Facts(r.GetString(0), r.GetBoolean(1), r.GetInt64(2), r.GetString(3)), cancel)).Single();
        }
        catch (NpgsqlException e)
        {
            throw DumpErrors.Translate("A backup", node.Address, cluster.Username, e.Message, e);
        }
    }

    /// <summary>The server that takes the roles in has the first one already.</summary>
    private static string Made(string roles, string owner) =>
        string.Join('\n', roles.Split('\n').Where(l => l != $"CREATE ROLE {owner};" && l != $"CREATE ROLE \"{owner.Replace("\"", "\"\"", StringComparison.Ordinal)}\";"));

    private async Task<StreamedObject> DumpAsync(
        ClusterOptions cluster, ClusterNodeOptions node, string label, BackupKey key, CopyWriter copies, long size, BackupProgress progress, CancellationToken cancel)
    {
        var name = LogicalNames.Database(cluster.Id, label);
        await using var fan = new FanOut(copies.Kept, name, PutOptions.New, limits, time);
        using var writer = new FrameWriter(key, StreamCompression.None, name, fan.WriteAsync);
        var told = -1;
        await programs.DumpAsync(cluster, node.Address, async (output, stop) =>
        {
            var buffer = new byte[BufferBytes];
            int read;
            while ((read = await output.ReadAsync(buffer, stop)) > 0)
            {
                if (brake is not null) await brake.HoldAsync(stop);
                await writer.WriteAsync(buffer.AsMemory(0, read), stop);
                var percent = size > 0 ? (int)Math.Min(99, 100 * writer.PlainBytes / size) : 0;
                if (percent == told) continue;
                told = percent;
                await progress(percent, $"{writer.StoredBytes / 1_000_000} MB stored of a database of {size / 1_000_000} MB");
            }
        }, cancel);
        // Only now, when pg_dump has ended well, may it become whole.
        var hash = await writer.CompleteAsync(cancel);
        copies.Note(await fan.CompleteAsync(cancel));
        return new StreamedObject(name, writer.PlainBytes, writer.StoredBytes, hash);
    }
}
