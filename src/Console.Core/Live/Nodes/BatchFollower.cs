using Npgsql;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Live.Nodes;

/// <summary>A following node's side: registers, takes a snapshot, replays batches in order, drops those of older epochs, and asks for a
/// snapshot again when one is missing.</summary>
public sealed class BatchFollower(ConsoleDatabase database, FleetFeed feed, TimeProvider time)
{
    private static readonly TimeSpan RegisterEvery = TimeSpan.FromSeconds(2);

    private bool _whole;

    /// <summary>Follows until cancelled; throws when the database goes away.</summary>
    public async Task RunAsync(string node, CancellationToken cancel)
    {
        _whole = false;
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await ExecuteAsync(connection, $"LISTEN {BatchPublisher.BatchChannel}", cancel);
        var registered = time.GetTimestamp();
        await RegisterAsync(connection, node, cancel);
        try
        {
            while (true)
            {
                await connection.WaitAsync(RegisterEvery, cancel);
                await ReplayAsync(connection, cancel);
                if (time.GetElapsedTime(registered) < RegisterEvery && _whole)
                    continue;
                registered = time.GetTimestamp();
                await RegisterAsync(connection, node, cancel);
            }
        }
        finally
        {
            // The connection goes back to the pool: it must not go on listening there.
            if (connection.State == System.Data.ConnectionState.Open)
                await ExecuteAsync(connection, "UNLISTEN *", CancellationToken.None);
        }
    }

    private async Task RegisterAsync(NpgsqlConnection connection, string node, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("""
            INSERT INTO telemetry.follower (node, seen, wants_snapshot) VALUES ($1, clock_timestamp(), $2)
            ON CONFLICT (node) DO UPDATE SET seen = clock_timestamp(), wants_snapshot = excluded.wants_snapshot
            """, connection);
        command.Parameters.Add(new NpgsqlParameter { Value = node });
        command.Parameters.Add(new NpgsqlParameter { Value = !_whole });
        await command.ExecuteNonQueryAsync(cancel);
    }

    private async Task ReplayAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("SELECT snapshot, payload FROM telemetry.batch WHERE (epoch, sequence) >= ($1, $2) ORDER BY epoch, sequence, snapshot DESC", connection);
        command.Parameters.Add(new NpgsqlParameter { Value = feed.Current.Epoch });
        command.Parameters.Add(new NpgsqlParameter { Value = _whole ? feed.Current.Sequence + 1 : 0 });
        await using var rows = await command.ExecuteReaderAsync(cancel);
        while (await rows.ReadAsync(cancel))
            Take(PictureJson.Read(rows.GetFieldValue<byte[]>(1)), rows.GetBoolean(0));
    }

    /// <summary>Applies one batch if it is the next one.</summary>
    internal void Take(ChangeBatch batch, bool snapshot)
    {
        var current = feed.Current;
        if (batch.Epoch < current.Epoch || (batch.Epoch == current.Epoch && _whole && batch.Sequence <= current.Sequence))
            return;
        // The first batch of an epoch holds everything, as a snapshot does.
        if (snapshot || batch.Sequence == 1)
        {
            feed.Publish(Snapshots.Apply(FleetSnapshot.Empty, batch), batch with { RemovedLinks = [.. current.Links.Keys.Except(batch.Changed.OfType<LinkState>().Select(l => l.Key))] });
            _whole = true;
        }
        else if (_whole && batch.Epoch == current.Epoch && batch.Sequence == current.Sequence + 1)
            feed.Publish(Snapshots.Apply(current, batch), batch);
        else
            _whole = false;
    }

    private static async Task ExecuteAsync(NpgsqlConnection connection, string sql, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync(cancel);
    }
}
