using System.Text.Json;
using Npgsql;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Fleet.Versions;

/// <param name="Number">from 1, without gaps</param>
/// <param name="Author">who changed the configuration, as far as the console can know (<see cref="FleetVersionRecorder"/>)</param>
/// <param name="Differences">to the version before; of secrets only whether they are set</param>
public sealed record FleetVersion(int Number, DateTimeOffset At, string Author, IReadOnlyList<FleetDifference> Differences);

/// <summary>FL-1: what the configuration was, since when, and what changed.</summary>
public sealed class FleetVersions(ConsoleDatabase database, TimeProvider time)
{
    private const long LockKey = 0x4F70_7346_6C65_6574; // "OpsFleet": consoles that start together record one version

    /// <summary>Records the fleet when it differs from the newest version.</summary>
    /// <returns>the new version; null when nothing changed</returns>
    public async Task<FleetVersion?> RecordAsync(FleetOptions fleet, string author, CancellationToken cancel)
    {
        var document = FleetDocument.Canonical(fleet);
        await using var connection = await database.App.OpenConnectionAsync(cancel);
        await using var transaction = await connection.BeginTransactionAsync(cancel);
        await using (var locked = new NpgsqlCommand($"SELECT pg_advisory_xact_lock({LockKey})", connection))
            await locked.ExecuteNonQueryAsync(cancel);
        var newest = await NewestAsync(connection, cancel);
        if (newest?.Document == document)
            return null;
        var version = new FleetVersion((newest?.Number ?? 0) + 1, time.GetUtcNow(), author, FleetDocument.Compare(newest?.Document ?? "{}", document));
        await using (var insert = new NpgsqlCommand("INSERT INTO fleet.version (number, at, author, document, differences) VALUES ($1, $2, $3, $4, $5)", connection))
        {
            foreach (var value in new object[] { version.Number, version.At, author, document, JsonSerializer.Serialize(version.Differences) })
                insert.Parameters.Add(new NpgsqlParameter { Value = value });
            await insert.ExecuteNonQueryAsync(cancel);
        }
        await transaction.CommitAsync(cancel);
        return version;
    }

    /// <summary>Newest first.</summary>
    /// <param name="since">null: all</param>
    public async Task<IReadOnlyList<FleetVersion>> ListAsync(DateTimeOffset? since, int limit, CancellationToken cancel)
    {
        await using var command = database.App.CreateCommand("SELECT number, at, author, differences FROM fleet.version WHERE at >= $1 ORDER BY number DESC LIMIT $2");
        command.Parameters.Add(new NpgsqlParameter { Value = (since ?? DateTimeOffset.UnixEpoch).ToUniversalTime() });
        command.Parameters.Add(new NpgsqlParameter { Value = limit });
        await using var reader = await command.ExecuteReaderAsync(cancel);
        var versions = new List<FleetVersion>();
        while (await reader.ReadAsync(cancel))
            versions.Add(new FleetVersion(reader.GetInt32(0), reader.GetFieldValue<DateTimeOffset>(1), reader.GetString(2), JsonSerializer.Deserialize<List<FleetDifference>>(reader.GetString(3))!));
        return versions;
    }

    private static async Task<(int Number, string Document)?> NewestAsync(NpgsqlConnection connection, CancellationToken cancel)
    {
        await using var command = new NpgsqlCommand("SELECT number, document FROM fleet.version ORDER BY number DESC LIMIT 1", connection);
        await using var reader = await command.ExecuteReaderAsync(cancel);
        return await reader.ReadAsync(cancel) ? (reader.GetInt32(0), reader.GetString(1)) : null;
    }
}
