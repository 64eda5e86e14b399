using System.Text.Json;
using Npgsql;
using OpsConsole.Core.Audit;
using OpsConsole.Core.Operations;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Alerts.Notifications;

/// <param name="AbandonedAt">given up; null otherwise</param>
public sealed record OutboxEntry(
    Guid Id, string Channel, Notification Notification, DateTimeOffset CreatedAt, int Attempts, DateTimeOffset? NextAt, DateTimeOffset? DeliveredAt, DateTimeOffset? AbandonedAt, string? LastError);

/// <summary>Messages on their way, in the database: they survive a restart, and of several nodes one sends each try.</summary>
public sealed class Outbox(ConsoleDatabase database, IAuditReader audit, IEnumerable<INotificationChannel> channels, TimeProvider clock)
{
    private const int Batch = 500;
    /// <summary>A try that takes longer is taken for dead, and made again by whoever comes.</summary>
    private static readonly TimeSpan Lease = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan Kept = TimeSpan.FromDays(90);

    /// <summary>Turns new audit entries into messages, each entry once however many nodes do this.</summary>
    /// <returns>how many messages were made</returns>
    public async Task<int> CollectAsync(CancellationToken cancel = default)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        var cursor = await CursorAsync(connection, cancel);
        var entries = await audit.ReadAsync(new AuditQuery(After: cursor, Limit: Batch), cancel);
        var made = 0;
        foreach (var notification in entries.Select(NotificationRules.For).OfType<Notification>())
            foreach (var channel in channels.Where(c => c.Takes(notification.Kind)))
                made += await InsertAsync(connection, channel.Id, notification, cancel);
        await connection.Command("UPDATE alerts.notification_cursor SET sequence = @sequence WHERE id = 1", ("sequence", entries.Count > 0 ? entries[^1].Sequence : cursor)).ExecuteAsync(cancel);
        await transaction.CommitAsync(cancel);
        return made;
    }

    /// <summary>A message of the administrator's own, to see whether the channel works.</summary>
    public async Task<Guid> TestAsync(string channel, string by, CancellationToken cancel = default)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        var id = Guid.CreateVersion7(clock.GetUtcNow());
        await InsertAsync(connection, channel, new Notification(0, NotificationKind.Test, "A test of this channel", "Sent on request: nothing has happened.", by, clock.GetUtcNow(), "/"), cancel, id);
        return id;
    }

    /// <summary>Takes one message that is due, for one try.</summary>
    public async Task<OutboxEntry?> TakeAsync(CancellationToken cancel = default)
    {
        var now = clock.GetUtcNow();
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return (await connection.Command("""
            UPDATE alerts.outbox SET attempts = attempts + 1, next_at = @lease WHERE id = (
                SELECT id FROM alerts.outbox WHERE delivered_at IS NULL AND abandoned_at IS NULL AND next_at <= @now AND channel = ANY(@channels)
                ORDER BY next_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
            RETURNING *
            """, ("now", now), ("lease", now + Lease), ("channels", channels.Select(c => c.Id).ToArray())).ListAsync(Map, cancel)).SingleOrDefault();
    }

    public async Task DeliveredAsync(Guid id, CancellationToken cancel = default)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await connection.Command("UPDATE alerts.outbox SET delivered_at = @now, next_at = NULL, last_error = NULL WHERE id = @id", ("id", id), ("now", clock.GetUtcNow())).ExecuteAsync(cancel);
    }

    /// <param name="retryAt">null: given up</param>
    public async Task FailedAsync(Guid id, string error, DateTimeOffset? retryAt, CancellationToken cancel = default)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await connection.Command("""
            UPDATE alerts.outbox SET last_error = @error, next_at = @retry::timestamptz, abandoned_at = CASE WHEN @retry::timestamptz IS NULL THEN @now END WHERE id = @id
            """, ("id", id), ("error", error), ("retry", retryAt), ("now", clock.GetUtcNow())).ExecuteAsync(cancel);
    }

    /// <summary>Newest first.</summary>
    public async Task<IReadOnlyList<OutboxEntry>> ListAsync(int limit, CancellationToken cancel = default)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return await connection.Command("SELECT * FROM alerts.outbox ORDER BY created_at DESC, id DESC LIMIT @limit", ("limit", limit)).ListAsync(Map, cancel);
    }

    /// <summary>How many messages wait after a failed try, and the newest error.</summary>
    public async Task<(long Waiting, string? Error)> TroubleAsync(CancellationToken cancel = default)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return (await connection.Command("""
            SELECT count(*), (array_agg(channel || ': ' || last_error ORDER BY created_at DESC))[1] FROM alerts.outbox
            WHERE delivered_at IS NULL AND last_error IS NOT NULL AND created_at > @since
            """, ("since", clock.GetUtcNow() - TimeSpan.FromDays(7))).ListAsync(r => (r.GetInt64(0), r.IsDBNull(1) ? null : r.GetString(1)), cancel)).Single();
    }

    /// <summary>When the next message is due; null: none waits.</summary>
    public async Task<DateTimeOffset?> NextAsync(CancellationToken cancel = default)
    {
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        return (await connection.Command("SELECT min(next_at) AS next FROM alerts.outbox WHERE delivered_at IS NULL AND abandoned_at IS NULL AND channel = ANY(@channels)",
            ("channels", channels.Select(c => c.Id).ToArray())).ListAsync(r => r.Value<DateTimeOffset>("next"), cancel)).Single();
    }

    /// <summary>The row is locked until the messages are in: two nodes never read the same entries. What happened before the first start is not told.</summary>
    private async Task<long> CursorAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        const string read = "SELECT sequence FROM alerts.notification_cursor WHERE id = 1 FOR UPDATE";
        if (await connection.Command(read).ScalarAsync<long?>(cancel) is { } known) return known;
        var newest = await audit.ReadAsync(new AuditQuery(Before: long.MaxValue, Limit: 1), cancel);
        await connection.Command("INSERT INTO alerts.notification_cursor (id, sequence) VALUES (1, @sequence) ON CONFLICT DO NOTHING", ("sequence", newest is [var last] ? last.Sequence : 0)).ExecuteAsync(cancel);
        return (await connection.Command(read).ScalarAsync<long?>(cancel))!.Value;
    }

    private async Task<int> InsertAsync(NpgsqlConnection connection, string channel, Notification notification, CancellationToken cancel, Guid? id = null)
    {
        var now = clock.GetUtcNow();
        await connection.Command("DELETE FROM alerts.outbox WHERE created_at < @old", ("old", now - Kept)).ExecuteAsync(cancel);
        return await connection.Command("""
            INSERT INTO alerts.outbox (id, sequence, channel, body, created_at, next_at) VALUES (@id, @sequence, @channel, @body, @now, @now) ON CONFLICT DO NOTHING
            """, ("id", id ?? Guid.CreateVersion7(now)), ("sequence", notification.Sequence), ("channel", channel),
            ("body", JsonSerializer.Serialize(notification, OperationJson.Options)), ("now", now)).ExecuteAsync(cancel);
    }

    private static OutboxEntry Map(NpgsqlDataReader reader) => new(
        reader.Get<Guid>("id"), reader.Get<string>("channel"), JsonSerializer.Deserialize<Notification>(reader.Get<string>("body"), OperationJson.Options)!,
        reader.Get<DateTimeOffset>("created_at"), reader.Get<int>("attempts"), reader.Value<DateTimeOffset>("next_at"), reader.Value<DateTimeOffset>("delivered_at"),
        reader.Value<DateTimeOffset>("abandoned_at"), reader.Text("last_error"));
}
