using Microsoft.Extensions.Options;
using Npgsql;
using OpsConsole.Core.Persistence;

namespace OpsConsole.Core.Live.Nodes;

/// <summary>The right to observe, a row in the console's database: one holder, an epoch that grows with each, an end by the database's
/// clock. It only decides who publishes; two that observe at once (one cut off from the database) do no harm.</summary>
public sealed class ObserverLease(ConsoleDatabase database, IOptions<ObservationOptions> options)
{
    private const string Name = "observer";

    /// <summary>This process, for people and for the row.</summary>
    public string Holder { get; } = $"{Environment.MachineName}:{Environment.ProcessId}:{Guid.NewGuid().ToString("N")[..8]}";

    /// <summary>How long it lasts without renewal.</summary>
    public TimeSpan Length => TimeSpan.FromSeconds(options.Value.LeaseSeconds);

    /// <returns>the new epoch; null while another holds it</returns>
    public async Task<long?> TryTakeAsync(CancellationToken cancel)
    {
        await using var command = Command("""
            INSERT INTO telemetry.lease AS l (name, holder, epoch, expires) VALUES ($1, $2, 1, clock_timestamp() + $3)
            ON CONFLICT (name) DO UPDATE SET holder = $2, epoch = l.epoch + 1, expires = clock_timestamp() + $3
            WHERE l.expires < clock_timestamp() OR l.holder = $2
            RETURNING epoch
            """);
        command.Parameters.Add(new NpgsqlParameter { Value = Length });
        return (long?)await command.ExecuteScalarAsync(cancel);
    }

    /// <summary>Waits until nobody holds it. Takes nothing.</summary>
    public async Task WaitUntilFreeAsync(TimeSpan lookEvery, TimeProvider time, CancellationToken cancel)
    {
        while (true)
        {
            await using (var command = database.App.CreateCommand("SELECT NOT EXISTS (SELECT FROM telemetry.lease WHERE name = $1 AND expires >= clock_timestamp())"))
            {
                command.Parameters.Add(new NpgsqlParameter { Value = Name });
                if (await command.ExecuteScalarAsync(cancel) is true)
                    return;
            }
            await Task.Delay(lookEvery, time, cancel);
        }
    }

    /// <returns>false when another has taken it</returns>
    public async Task<bool> RenewAsync(long epoch, CancellationToken cancel)
    {
        await using var command = Command("UPDATE telemetry.lease SET expires = clock_timestamp() + $3 WHERE name = $1 AND holder = $2 AND epoch = $4");
        command.Parameters.Add(new NpgsqlParameter { Value = Length });
        command.Parameters.Add(new NpgsqlParameter { Value = epoch });
        return await command.ExecuteNonQueryAsync(cancel) == 1;
    }

    /// <summary>Gives it up, so that another need not wait.</summary>
    public async Task ReleaseAsync(CancellationToken cancel)
    {
        await using var command = Command("UPDATE telemetry.lease SET expires = '-infinity' WHERE name = $1 AND holder = $2");
        await command.ExecuteNonQueryAsync(cancel);
    }

    private NpgsqlCommand Command(string sql)
    {
        var command = database.App.CreateCommand(sql);
        command.CommandTimeout = Math.Max(1, (int)Length.TotalSeconds);
        command.Parameters.Add(new NpgsqlParameter { Value = Name });
        command.Parameters.Add(new NpgsqlParameter { Value = Holder });
        return command;
    }
}
