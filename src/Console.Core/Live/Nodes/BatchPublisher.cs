using System.Threading.Channels;
using Npgsql;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Live.Nodes;

/// <summary>The leading node's side: passes batches on through an unlogged table and a notification, while anybody follows.</summary>
public sealed class BatchPublisher(ConsoleDatabase database, FleetState state, FleetFeed feed, TimeProvider time)
{
    public const string BatchChannel = "telemetry_batch";
    private const int Waiting = 600; // a minute; a follower that missed some asks for a snapshot

    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(500);
    private static readonly TimeSpan TrimEvery = TimeSpan.FromSeconds(10);

    private volatile bool _followed;

    public async Task RunAsync(long epoch, CancellationToken cancel)
    {
        var queue = Channel.CreateBounded<ChangeBatch>(new BoundedChannelOptions(Waiting) { FullMode = BoundedChannelFullMode.DropOldest, SingleReader = true });
        state.Published += Offer;
        try
        {
            await Task.WhenAll(LookAsync(epoch, cancel), PassOnAsync(queue.Reader, cancel));
        }
        finally
        {
            state.Published -= Offer;
            _followed = false;
        }

        void Offer(FleetSnapshot snapshot, ChangeBatch batch)
        {
            if (_followed)
                queue.Writer.TryWrite(batch);
        }
    }

    private async Task PassOnAsync(ChannelReader<ChangeBatch> queue, CancellationToken cancel)
    {
        await foreach (var batch in queue.ReadAllAsync(cancel))
            await WriteAsync(batch, snapshot: false, cancel);
    }

    private async Task LookAsync(long epoch, CancellationToken cancel)
    {
        var trimmed = time.GetTimestamp();
        while (true)
        {
            var (followed, wanted) = await FollowersAsync(cancel);
            // Batches are passed on from before the snapshot is taken: together they leave no gap.
            _followed = followed;
            if (wanted && feed.Current.Epoch == epoch)
                await WriteSnapshotAsync(cancel);
            if (time.GetElapsedTime(trimmed) > TrimEvery)
            {
                trimmed = time.GetTimestamp();
                await ExecuteAsync("DELETE FROM telemetry.batch WHERE at < clock_timestamp() - interval '60 s'", cancel);
                await ExecuteAsync("DELETE FROM telemetry.follower WHERE seen < clock_timestamp() - interval '60 s'", cancel);
            }
            await Task.Delay(LookEvery, time, cancel);
        }
    }

    private async Task<(bool Followed, bool Wanted)> FollowersAsync(CancellationToken cancel)
    {
        await using var command = database.App.CreateCommand("SELECT count(*) > 0, coalesce(bool_or(wants_snapshot), false) FROM telemetry.follower WHERE seen > clock_timestamp() - interval '10 s'");
        await using var row = await command.ExecuteReaderAsync(cancel);
        await row.ReadAsync(cancel);
        return (row.GetBoolean(0), row.GetBoolean(1));
    }

    private async Task WriteSnapshotAsync(CancellationToken cancel)
    {
        var picture = feed.Current;
        await ExecuteAsync("UPDATE telemetry.follower SET wants_snapshot = false", cancel);
        await WriteAsync(new ChangeBatch(picture.Epoch, picture.Sequence, picture.At, picture.Overall, Snapshots.Entities(picture)), snapshot: true, cancel);
    }

    private async Task WriteAsync(ChangeBatch batch, bool snapshot, CancellationToken cancel)
    {
        await using var command = database.App.CreateCommand($"""
            WITH written AS (INSERT INTO telemetry.batch (epoch, sequence, at, snapshot, payload) VALUES ($1, $2, clock_timestamp(), $3, $4) RETURNING 1)
            SELECT pg_notify('{BatchChannel}', '') FROM written
            """);
        foreach (var value in (object[])[batch.Epoch, batch.Sequence, snapshot, PictureJson.Write(batch)])
            command.Parameters.Add(new NpgsqlParameter { Value = value });
        await command.ExecuteNonQueryAsync(cancel);
    }

    private async Task ExecuteAsync(string sql, CancellationToken cancel)
    {
        await using var command = database.App.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(cancel);
    }
}
